"""The gradient of a step is that of the mean loss over its subnets, written out naively."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from supernet import Supernet, catalogue
from supernet.tasks import TASKS
from supernet.training import TrainingConfig, evaluate
from supernet.training.mixed_precision import bf16_problem
from supernet.training.sampling import subnets
from supernet.training.sandwich import accumulate_gradients
from supernet.training.state import make_optimizer


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"].load()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory):
    """Letters to foretell: what mixers without a form on pictures are tried on."""
    path = tmp_path_factory.mktemp("text") / "mine.txt"
    letters = torch.randint(97, 123, (4000,), generator=torch.Generator().manual_seed(0))
    path.write_text(bytes(letters.tolist()).decode())
    return TASKS["text"].load(options={"path": str(path), "context": 32})


@pytest.mark.parametrize(("num_random", "split_batch"), [(0, False), (2, False), (2, True)])
def test_gradients_are_those_of_the_mean_loss(space, digits, num_random: int, split_batch: bool):
    config = TrainingConfig(
        num_random=num_random, split_batch=split_batch, distillation_weight=0.3, label_smoothing=0.1
    )
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).double()
    inputs, targets = digits.train.batch(slice(0, 12))
    inputs, drawn = inputs.double(), subnets(space, config, step=0)
    losses = accumulate_gradients(supernet, data=digits, inputs=inputs, targets=targets, subnets=drawn, config=config)
    got = {name: p.grad.clone() for name, p in supernet.named_parameters() if p.grad is not None}

    supernet.zero_grad(set_to_none=True)
    smooth = 0.9 * F.one_hot(targets, 10).double() + 0.01
    outputs = supernet(inputs, drawn.largest)
    teacher = outputs.detach().softmax(1)
    wanted = [-(smooth * outputs.log_softmax(1)).sum(1).mean()]
    parts = [range(4), range(4, 8), range(8, 12)] if split_batch else [range(12)] * (1 + num_random)
    for student, part in zip((drawn.smallest, *drawn.random), map(list, parts), strict=True):
        log_q, p = supernet(inputs[part], student).log_softmax(1), teacher[part]
        labels, soft = -(smooth[part] * log_q).sum(1).mean(), (p * (p.log() - log_q)).sum(1).mean()
        wanted.append(0.7 * labels + 0.3 * soft)
    assert len(wanted) == 2 + num_random
    (sum(wanted) / len(wanted)).backward()
    torch.testing.assert_close(losses, torch.stack(wanted).detach())
    reference = {name: p.grad for name, p in supernet.named_parameters() if p.grad is not None}
    assert got.keys() == reference.keys()
    for name, gradient in reference.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-9, atol=1e-12)


MIXERS = [key for key in catalogue().mixers if key != "identity"]
CHANNEL_MIXERS = [key for key in catalogue().channel_mixers if key != "identity"]
PAIRS = [(key, "mlp") for key in MIXERS] + [("softmax", key) for key in CHANNEL_MIXERS if key != "mlp"]


@pytest.mark.skipif(bf16_problem("cpu") is not None, reason="this processor has no instructions for bfloat16")
@pytest.mark.parametrize(("mixer", "channel_mixer"), PAIRS)
def test_bfloat16_gradients_are_near_and_weights_stay_float32(make_space, digits, text, mixer, channel_mixer):
    options = {"window": {"size": 2}, "sliding_window": {"width": 3}}
    data = digits if catalogue().mixers[mixer].bidirectional else text
    space = make_space(mixer=[mixer], channel_mixer=[channel_mixer], depth=[2], options=options, task=data.shape)

    def gradient(*, bf16: bool, round_weights: bool = False) -> torch.Tensor:
        config = TrainingConfig(bf16=bf16, precision_phase=1.0)
        supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
        if round_weights:
            for parameter in supernet.parameters():
                parameter.data = parameter.data.bfloat16().float()
        inputs, targets = data.train.batch(slice(0, 64))
        drawn = subnets(space, config, step=0)
        losses = accumulate_gradients(supernet, data=data, inputs=inputs, targets=targets, subnets=drawn, config=config)
        assert losses.dtype == torch.float32
        flat = [p.grad.flatten() for p in supernet.parameters() if p.grad is not None]
        assert {g.dtype for g in flat} == {torch.float32} and all(g.isfinite().all() for g in flat)
        return torch.cat(flat)

    exact = gradient(bf16=False)

    def off(other: torch.Tensor) -> float:
        return float((other - exact).norm() / exact.norm())

    bound = 0.1
    if mixer == "gated_delta":  # it divides by the length of what may be near nothing, so that any rounding is much
        bound = 1.5 * off(gradient(bf16=False, round_weights=True))
    assert 0 < off(gradient(bf16=True)) < bound


def test_only_linear_weights_decay(space):
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    optimizer = make_optimizer(supernet, TrainingConfig(weight_decay=0.3))
    names = {id(p): name for name, p in supernet.named_parameters()}
    decayed = {names[id(p)] for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    kept = {names[id(p)] for group in optimizer.param_groups if not group["weight_decay"] for p in group["params"]}
    assert decayed | kept == set(names.values()) and not decayed & kept
    assert "body.stem.position" in kept and "body.stem.project.weight" in decayed
    assert all(name.endswith(".weight") and "norm" not in name for name in decayed)
    assert all("norm" in name or "bias" in name or "position" in name for name in kept)


def test_evaluate_counts_wrong_examples_whatever_the_batch(space, digits):
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).train()
    split, network = digits.validation, space.middle
    with torch.no_grad():
        wrong = (supernet(split.inputs, network).argmax(1) != split.targets).sum().item()
    for batch_size in (7, 256, 1000):
        error = evaluate(supernet, data=digits, split=split, architecture=network, batch_size=batch_size)
        assert error == pytest.approx(100 * wrong / len(split))
    assert supernet.training

    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = nn.Parameter(F.one_hot(torch.tensor(3), 10).float())

        def forward(self, batch):
            assert not self.training and torch.is_inference_mode_enabled()
            return self.scores.expand(len(batch), -1)

    threes = (split.targets == 3).sum().item()
    assert evaluate(Constant(), data=digits, split=split) == pytest.approx(100 * (1 - threes / len(split)))
