"""The quality of a network against its definition, whatever the batch, the order and the part that is looked at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from supernet import Supernet
from supernet.tasks import TASKS, Split
from supernet.training import Evaluator, evaluate
from supernet.training.mixed_precision import bf16_problem


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"].load()


@pytest.fixture(scope="module")
def supernet(space):
    return Supernet(space, generator=torch.Generator().manual_seed(0)).eval()


@pytest.fixture(scope="module")
def reference(space, digits, supernet):
    """Return whether each validation example is wrong, and its loss, by numpy from the logits."""
    with torch.no_grad():
        logits = supernet(digits.validation.inputs, space.middle).double().numpy()
    targets = digits.validation.targets.numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return logits.argmax(1) != targets, -np.log(probabilities[np.arange(len(targets)), targets])


@pytest.mark.parametrize("batch_size", [7, 128, 1000])
def test_quality_is_its_definition(space, digits, supernet, reference, batch_size) -> None:
    quality = Evaluator(digits, split=digits.validation, batch_size=batch_size)(supernet, space.middle)
    wrong, losses = reference
    assert quality.error == pytest.approx(100 * wrong.mean(), rel=1e-12)
    assert quality.loss == pytest.approx(losses.mean(), rel=1e-5)
    assert quality.error_se == pytest.approx(100 * wrong.std(ddof=1) / np.sqrt(len(wrong)), rel=1e-9)
    assert quality.loss_se == pytest.approx(losses.std(ddof=1) / np.sqrt(len(losses)), rel=1e-4)
    assert (quality.examples, quality.total, quality.fraction) == (len(wrong), len(wrong), 1.0)
    alone = evaluate(supernet, data=digits, split=digits.validation, architecture=space.middle)
    assert alone == pytest.approx(quality.error, rel=1e-12)


def test_the_standard_error_is_the_spread_over_resamples(reference) -> None:
    """The formula that the test above checks, against a bootstrap."""
    wrong, _ = reference
    rng = np.random.default_rng(0)
    resamples = wrong[rng.integers(len(wrong), size=(4000, len(wrong)))].mean(1)
    assert resamples.std() == pytest.approx(wrong.std(ddof=1) / np.sqrt(len(wrong)), rel=0.05)


def test_no_wrong_answer_is_not_certainty(digits) -> None:
    class Oracle(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, inputs):
            return self.scale * torch.nn.functional.one_hot(targets_of[len(inputs)], 10)

    split = digits.validation
    evaluator = Evaluator(digits, split=split, batch_size=len(split))
    ((_, targets),) = evaluator._batches
    targets_of = {len(split): targets}
    quality = evaluator(Oracle())
    assert quality.error == 0 and quality.error_se == pytest.approx(100 / len(split))


def test_batches_are_made_once_and_in_a_random_order_that_is_always_the_same(space, digits, supernet) -> None:
    class Counting(Split):
        calls = 0

        def batch(self, rows):
            Counting.calls += 1
            return Split.batch(self, rows)

    source = digits.validation
    split = Counting(stored=source.stored, targets=source.targets, offset=source.offset, scale=source.scale)
    evaluators = [Evaluator(digits, split=split, batch_size=100) for _ in range(2)]
    made = Counting.calls
    for network in (space.smallest, space.middle, space.largest):
        assert evaluators[0](supernet, network) == evaluators[1](supernet, network)
    assert Counting.calls == made == 2 * 4
    order = torch.cat([targets for _, targets in evaluators[0]._batches])
    assert not torch.equal(order, source.targets)
    assert torch.equal(order.sort().values, source.targets.sort().values)


def test_a_part_is_a_fair_sample_and_stops_when_told(space, digits, supernet) -> None:
    evaluator = Evaluator(digits, split=digits.validation, batch_size=60)
    seen = []
    whole = evaluator(supernet, space.middle, should_prune=lambda quality: bool(seen.append(quality)))
    assert [q.examples for q in seen] == [60, 120, 180, 240, 300] and whole.examples == 359
    part = evaluator(supernet, space.middle, should_prune=lambda quality: quality.examples >= 120)
    assert part == seen[1] and part.fraction == 120 / 359
    few = Evaluator(digits, split=digits.validation, batch_size=60, examples=120)(supernet, space.middle)
    assert (few.error, few.loss) == (part.error, part.loss)
    assert few.fraction == 1.0, "a chosen number of examples is the whole that was asked for"
    assert abs(part.error - whole.error) < 4 * part.error_se


@pytest.mark.skipif(bf16_problem("cpu") is not None, reason="this processor has no instructions for bfloat16")
def test_bfloat16_rounds_and_changes_no_more(space, digits, supernet) -> None:
    exact, rounded = (
        Evaluator(digits, split=digits.validation, bf16=bf16)(supernet, space.largest) for bf16 in (False, True)
    )
    assert exact.loss != rounded.loss
    assert rounded.loss == pytest.approx(exact.loss, rel=0.02) and abs(rounded.error - exact.error) < 3
