"""Words with a label each: read from columns, labelled at their first piece, and judged without what is no word."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import accuracy_score

from runs.evaluation.judged.classes import class_results
from runs.evaluation.references import simple_models
from runs.export.tag import Tagger
from search_space.errors import ConfigError, DataError
from supernet.readers.conll import read_conll
from supernet.tasks import TASKS, Aim, TaskData, aimed
from supernet.tokenizers import bert, byte_pairs
from tests.supernet.tasks.samples import write_conll, write_tagged_dataset

NAMES = ("B-LOC", "B-PER", "I-LOC", "O")


def load(path, **options) -> TaskData:
    return TASKS["token_labels"].load(options={"path": str(path), "vocabulary": 280, **options})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_conll(tmp_path_factory.mktemp("tags") / "a.conll")


@pytest.fixture(scope="module")
def data(path):
    return load(path, **_same(path))


def _same(path) -> dict[str, str]:
    return {"validation_path": str(path), "test_path": str(path)}


def step_of(data, name) -> dict:
    return next(step for step in data.preparation if step["do"] == name)


def test_columns_are_read_and_what_is_no_word_is_left_out(path, tmp_path):
    plain = read_conll(path, word=1, label=0)
    universal = read_conll(write_conll(tmp_path / "b.conllu"), word=2, label=4)
    assert len(plain) == 80 and (plain.words, plain.tags) == (universal.words, universal.tags)
    assert plain.notes == ("a.conll: left out: 1 beginnings of documents",)
    assert universal.notes[-1] == "b.conllu: left out: 80 lines of CoNLL-U that are no token"
    with pytest.raises(ConfigError, match=r"task\.options\.word: expected 2 for the words of CoNLL-U"):
        load(tmp_path / "b.conllu")
    (tmp_path / "c.tsv").write_text("O\tNew York\n\nB\tx\n")
    assert read_conll(tmp_path / "c.tsv", word=2, label=1).words == [("New York",), ("x",)]


def test_lists_of_a_table_are_the_same_sentences(path, data, tmp_path):
    folder = write_tagged_dataset(tmp_path / "news", read_conll(path, word=1, label=0))
    same = load(folder, **_same(folder), tags="pos_tags")
    assert same.data_hash == data.data_hash and same.labels == NAMES
    table = pa.table({"tokens": [["a", "b"], []], "ner_tags": [["O"], []], "text": ["x", "y"]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"row 1: expected a label of every word, got 2 words, 1 labels: a b"):
        load(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column text: expected a column of lists of texts, got tokens \(list<.*text"):
        load(tmp_path / "a.parquet", words="text")


@pytest.mark.parametrize(
    "content, options, message",
    [
        ("a O\nb X O\n", {}, "line 2: expected 2 columns, as in the first line, got 3: b X O"),
        ("a\nb\n", {}, "line 1: expected 2 columns or more, got 1: a"),
        ("a O\n", {"word": 3}, "expected 3 columns or more, got 2"),
        ("a\t\tO\n", {"label": 2}, "line 1: expected something in column 2, got nothing"),
        ("-DOCSTART- O\n", {}, "expected words, one a line, got none"),
        ("a O\n\n" * 30, {}, "expected words of two labels or more, got O"),
    ],
)
def test_lines_that_are_no_columns_are_refused(tmp_path, content, options, message):
    (tmp_path / "a.conll").write_text(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.conll", **options)


@pytest.mark.parametrize("pieces", ["byte_pairs", "wordpiece"])
def test_a_label_stands_at_the_first_piece_of_its_word(path, pieces):
    data, told = load(path, **_same(path), pieces=pieces), read_conll(path, word=1, label=4)
    program = byte_pairs if pieces == "byte_pairs" else bert
    vocabulary = program.Vocabulary.from_json(data.files[step_of(data, "encode")["vocabulary"]])
    assert data.labels == NAMES and data.metric.key == "entity_f1"
    step = step_of(data, "words")
    for ids, targets, words, tags in zip(data.train.stored, data.train.targets, told.words, told.tags, strict=True):
        starts = [int(i) for i in torch.nonzero(targets >= 0)]
        assert [NAMES[targets[i]] for i in starts] == list(tags) and starts[0] == len(step["before"])
        end = int((ids != 0).sum()) - len(step["after"])
        lengths = [b - a for a, b in zip(starts, [*starts[1:], end], strict=True)]
        assert all(n >= 1 for n in lengths) and len(lengths) == len(words)
        assert ids[: int((ids != 0).sum())].tolist() == vocabulary.encode(" ".join(words))
    cut = load(path, **_same(path), pieces=pieces, max_tokens=8)
    lost = sum(len(tags) for tags in told.tags) - int((cut.train.targets >= 0).sum())
    assert lost > 0 and f"{3 * lost:,} words that are cut off are judged nowhere" in cut.summary.notes


def test_what_is_no_word_is_neither_trained_nor_judged(data):
    generator = torch.Generator().manual_seed(0)
    targets = data.train.targets[:5].long()
    outputs = torch.randn(*targets.shape, 4, generator=generator)
    changed = torch.where((targets >= 0)[..., None], outputs, torch.randn(outputs.shape, generator=generator))
    weighed = aimed(data, Aim(class_weights="balanced"))
    counts = data.train.targets[data.train.targets >= 0].long().bincount().double()
    for task, weights in ((data, torch.ones(4)), (weighed, counts.sum() / (4 * counts))):
        by_hand = [
            [-weights[y] * torch.log_softmax(x, -1)[y] for x, y in zip(xs, ys, strict=True) if y >= 0]
            for xs, ys in zip(outputs.double(), targets.tolist(), strict=True)
        ]
        means = [float(torch.stack(row).mean()) for row in by_hand]
        assert task.loss(outputs, targets, reduction="none").tolist() == pytest.approx(means, rel=1e-4)
        mean = float(torch.cat([torch.stack(row) for row in by_hand]).mean())
        assert task.loss(outputs, targets).item() == pytest.approx(mean, rel=1e-4)
        assert torch.equal(task.loss(changed, targets), task.loss(outputs, targets))
    is_word = targets >= 0
    for metric in ("accuracy", "macro_f1", "entity_f1", "log_loss"):
        chosen = aimed(data, Aim(metric=metric))
        assert chosen.error(changed, targets) == chosen.error(outputs, targets)
    share = accuracy_score(targets[is_word], outputs.argmax(-1)[is_word])
    assert aimed(data, Aim(metric="accuracy")).error(outputs, targets) == pytest.approx(100 - 100 * share)
    assert data.soft_loss(changed, outputs, targets).item() == pytest.approx(0, abs=1e-6)
    teacher = torch.randn(outputs.shape, generator=generator)
    p, q = (torch.softmax(x[targets >= 0].double(), -1) for x in (teacher, outputs))
    expected = float((p * (p / q).log()).sum(-1).mean())
    assert data.soft_loss(outputs, teacher, targets).item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ConfigError, match=r"task\.metric: expected one of accuracy, .*entity_f1"):
        aimed(data, Aim(metric="r2"))


def test_splits_dealt_anew_are_told_in_words(data):
    anew = aimed(data, Aim(validation_share=0.5))
    words = [int((part.targets >= 0).sum()) for part in (anew.train, anew.validation, anew.test)]
    said = "{:,} for training, {:,} for validation, {:,} for the test".format(*words)
    assert anew.summary.facts["words"] == said and len(anew.validation) == 80


def test_the_report_counts_words(data):
    class Always(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.tensor([0.0, 0.0, 0.0, 1.0]))

        def forward(self, x):
            return self.bias.expand(*x.shape, 4)

    found = class_results(Always(), data, key="always")
    words = data.test.targets[data.test.targets >= 0].long()
    assert found.support.tolist() == words.bincount(minlength=4).tolist()
    assert found.answered.tolist() == [0, 0, 0, len(words)]


def test_simple_models_know_words_and_their_neighbours(tmp_path):
    """A word of two labels is told apart by the word before it alone."""
    rng, lines = np.random.default_rng(0), []
    for _ in range(120):
        before = rng.choice(["to", "the"], 6)
        lines += [f"{b} O\nrun {'VERB' if b == 'to' else 'NOUN'}" for b in before] + [""]
    (tmp_path / "a.conll").write_text("\n".join(lines))
    commonest, logistic = simple_models(load(tmp_path / "a.conll"))
    assert 15 < commonest.test_error < 35 and logistic.test_error == 0
    assert commonest.name == "commonest label of the word"
    cut = simple_models(load(tmp_path / "a.conll", max_tokens=1))
    assert [model.name for model in cut] == [commonest.name], "the first words are of one label"


def test_the_program_beside_an_exported_network_labels_words_as_training_does(data, path, tmp_path):
    table = torch.randn(data.shape.vocab_size, 4, generator=torch.Generator().manual_seed(0))
    node = onnx.helper.make_node("Gather", ["table", "ids"], ["scores"])
    given = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["batch", data.shape.seq_len])
    told = onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", data.shape.seq_len, 4])
    constants = [onnx.numpy_helper.from_array(table.numpy(), "table")]
    graph = onnx.helper.make_graph([node], "look up", [given], [told], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "preprocessing.json").write_text(json.dumps(data.preprocessing()))
    for name, content in data.files.items():
        (tmp_path / name).write_text(content)
    tagger = Tagger(tmp_path)
    sentences = read_conll(path, word=1, label=0).words
    for words, ids, targets in zip(sentences, data.train.stored, data.train.targets, strict=True):
        found, starts = tagger.ids(words)
        assert np.array_equal(found[0], ids) and starts == torch.nonzero(targets >= 0).flatten().tolist()
        assert tagger(words) == [NAMES[i] for i in table[ids.long()][starts].argmax(-1)]
    assert tagger(["Anna"] * 99)[-1] is None
