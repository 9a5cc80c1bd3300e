"""Texts are computed at about their own lengths, and what comes out is the same."""

from __future__ import annotations

import pytest
import torch

from search_space import TaskShape, space_from_mapping
from supernet import Network, catalogue
from supernet.calibration import calibrate
from supernet.elastic import reset_parameters
from supernet.tasks import TASKS
from supernet.training import Evaluator, TrainingConfig
from supernet.training.lengths import ByLength, real_lengths
from supernet.training.rounds import RoundTraining
from supernet.training.sampling import training_rows

SPACE = {
    "name": "lengths",
    "embed_dim": [16],
    "depth": [2],
    "head_dim": 8,
    "mixer": ["softmax", "sliding_window"],
    "num_heads": [2],
    "channel_mixer": ["mlp"],
    "ratio": [1],
    "options": {"sliding_window": {"width": 4}},
}
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return texts of one to thirty words, of which few are long."""
    draw = torch.Generator().manual_seed(0)
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    lengths = (1 + 3 / torch.rand(900, generator=draw)).long().clamp(max=30).tolist()
    rows = [(i % 3, torch.randint(10, (n,), generator=draw).tolist()) for i, n in enumerate(lengths)]
    lines = [f"{' '.join(WORDS[w] for w in words)} {i},{label}" for i, (label, words) in enumerate(rows)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    return TASKS["text"].load(options={"path": str(path), "pieces": "words", "vocabulary": 300})


def network(task, *, mixer="sliding_window", precision="float", **changes):
    space = space_from_mapping(
        SPACE | {"mixer": [mixer], "precision": [precision]} | changes, task=task, catalogue=catalogue()
    )
    made = Network(space.largest, space.geometry)
    reset_parameters(made, torch.Generator().manual_seed(1))
    return made.eval()


class Counted(ByLength):
    """Knows the lengths for which it made networks."""

    @property
    def lengths(self):
        return sorted(self._shorter)


def test_real_lengths():
    assert real_lengths(torch.tensor([[5, 0, 3, 0], [1, 2, 3, 4], [0, 0, 0, 0]])).tolist() == [3, 4, 1]


@pytest.mark.parametrize("precision", ["float", "w8", "w8a8g32", "w8a8s"])
def test_a_batch_is_as_long_as_its_longest_text(data, precision):
    net = calibrate(network(data.shape, precision=precision), data)
    inputs, _ = data.validation.batch(slice(0, 64))
    short = inputs[real_lengths(inputs) <= 7]
    shortened = Counted(net, exact=False)
    for batch in (short, short, inputs):
        torch.testing.assert_close(shortened(batch), net(batch), rtol=0, atol=1e-5)
    assert len(short) > 9 and shortened.lengths[0] == 8


def test_networks_that_see_the_length_have_all_of_it(data):
    short = data.validation.batch(slice(0, 64))[0]
    short = short[real_lengths(short) <= 7]
    ranges = network(data.shape, precision="w8a8")  # of all tokens of an example, padding too
    for net, exact in ((network(data.shape, mixer="fourier"), False), (ranges, True)):
        shortened = Counted(net, exact=exact)
        assert torch.equal(shortened(short), net(short)) and not shortened.lengths
    assert Counted(ranges, exact=False)(short).isfinite().all()


@pytest.mark.parametrize("head", ["pooled", "mean_pooling", "cls_pooling", "pooler"])
@pytest.mark.parametrize("stem", ["tokens", "normed_tokens", "bare_tokens"])
def test_stems_and_heads_of_texts(stem, head):
    task = TaskShape(input_shape=(40,), num_outputs=3, seq_len=40, vocab_size=9, padded=True, stem=stem, head=head)
    net, ids = network(task), torch.randint(1, 9, (3, 40), generator=torch.Generator().manual_seed(2))
    ids[0, 5:], ids[1, 11:], ids[2, 1:] = 0, 0, 0
    shortened = Counted(net)
    torch.testing.assert_close(shortened(ids), net(ids), rtol=0, atol=1e-5)
    assert shortened.lengths == [12]


@pytest.mark.parametrize("head", ["each_token", "language_model"])
def test_outputs_of_tokens_are_those_of_all(head):
    task = TaskShape(input_shape=(40,), num_outputs=3, seq_len=40, vocab_size=9, padded=True, stem="tokens", head=head)
    assert ByLength(network(task))(torch.zeros(2, 40, dtype=torch.int64)).shape == (2, 40, 3)


def test_batches_are_of_texts_of_about_one_length(data):
    config, epoch = TrainingConfig(batch_size=len(data.train) // 8, seed=3), 8 * (len(data.train) // 8)
    batches = [training_rows(data, config, step=step) for step in range(16)]
    assert len(torch.cat(batches[:8]).unique()) == epoch
    lengths = real_lengths(data.train.stored)
    computed = sum(int(lengths[rows].max()) * len(rows) for rows in batches[:8])
    assert computed < 1.5 * int(lengths.sum()) < 0.6 * int(lengths.max()) * epoch
    means = [float(lengths[rows].float().mean()) for rows in batches]
    assert means != sorted(means) and means[:8] != means[8:], "the batches come in no order"


def test_training_and_judging_are_those_of_the_whole_length(data, monkeypatch):
    def trained():
        config = TrainingConfig(batch_size=32, seed=1)
        training = RoundTraining(network(data.shape), identity="texts", data=data, config=config)
        net = training.train_to(12)
        return [p.detach().clone() for p in net.parameters()], Evaluator(data, split=data.validation)(net)

    weights, quality = trained()
    monkeypatch.setattr(ByLength, "__call__", lambda self, inputs: self.module(inputs))
    whole, expected = trained()
    for one, other in zip(weights, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)
    assert quality.loss == pytest.approx(expected.loss, abs=1e-3) and quality.error == pytest.approx(expected.error)
