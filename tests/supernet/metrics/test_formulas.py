"""Every metric against scikit-learn, whatever the batches; standard errors against a bootstrap."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from sklearn import metrics as truth
from sklearn.neighbors import NearestNeighbors

from supernet.metrics import METRICS, Measure, Tally, nearest

N = 240
SHARES = np.array([0.6, 0.25, 0.1, 0.03, 0.01, 0.01])


def classes(seed: int = 0, n: int = N, *, two: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores that are right more often than not, and classes of which some are rare."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.9, 0.1]) if two else SHARES
    targets = rng.choice(len(shares), size=n, p=shares)
    targets[: len(shares)] = np.arange(len(shares))
    scores = rng.normal(size=(n, len(shares))) + 1.5 * np.eye(len(shares))[targets]
    return torch.from_numpy(scores), torch.from_numpy(targets)


def numbers(seed: int = 0, n: int = N) -> tuple[torch.Tensor, torch.Tensor]:
    """Return forecasts of three steps of two variates that explain half of what happens."""
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(n, 3, 2)) * [1.0, 3.0]
    return torch.from_numpy(0.7 * targets + rng.normal(size=targets.shape)), torch.from_numpy(targets)


def labels(seed: int = 0, n: int = N) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores of four labels, some of them alike, of which examples have any number, one of them seldom."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((n, 4)) < [0.5, 0.3, 0.1, 0.02]).astype(np.uint8)
    targets[0] = 1
    return torch.from_numpy((rng.normal(size=targets.shape) + 2.0 * targets - 1).round(1)), torch.from_numpy(targets)


TAGS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")


def tags(seed: int = 0, n: int = 80) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores and labels of words, some inside of no entity that began; a third of the places has none."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(5, size=(n, 9), p=[0.15, 0.15, 0.2, 0.2, 0.3])
    scores = rng.normal(size=(n, 9, 5)) + 1.5 * np.eye(5)[targets]
    targets[rng.random(targets.shape) < 0.3] = -100
    return torch.from_numpy(scores), torch.from_numpy(targets)


def vectors(seed: int = 0, n: int = 150) -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors of any length near to those that they imitate, in fewer dimensions than these have."""
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(n, 12))
    outputs = (targets + 0.5 * rng.normal(size=targets.shape))[:, :9] * rng.uniform(0.1, 9, size=(n, 1))
    return torch.from_numpy(outputs), torch.from_numpy(targets)


def error_of(measure: Measure, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    tally = Tally(measure)
    tally.add(outputs, targets)
    return tally.error


def of(name: str, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return METRICS[name].metric.value(error_of(METRICS[name], outputs, targets))


def by_scikit_learn(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Return what scikit-learn takes for each metric of the task."""
    if targets.ndim == 3:
        y, x = targets.flatten(1).numpy(), outputs.flatten(1).numpy()
        return {
            "mean_squared_error": truth.mean_squared_error(y, x),
            "root_mean_squared_error": truth.root_mean_squared_error(y.ravel(), x.ravel()),
            "mean_absolute_error": truth.mean_absolute_error(y, x),
            "r2": truth.r2_score(y, x, multioutput="variance_weighted"),
            "quantile_loss": truth.mean_pinball_loss(y, x, alpha=0.9),
            "huber_loss": float(np.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5).mean()),
        }
    if targets.ndim == 2:
        y, p = targets.numpy(), torch.sigmoid(outputs).numpy()
        return {
            "macro_f1": 100 * truth.f1_score(y, p > 0.5, average="macro"),
            "micro_f1": 100 * truth.f1_score(y, p > 0.5, average="micro"),
            "mean_average_precision": 100 * truth.average_precision_score(y, p, average="macro"),
            "auroc": 100 * truth.roc_auc_score(y, p, average="macro"),
            "subset_accuracy": 100 * truth.accuracy_score(y, p > 0.5),
            "log_loss": float(np.mean([truth.log_loss(y[:, k], p[:, k]) for k in range(y.shape[1])])),
        }
    y, p, named = targets.numpy(), torch.softmax(outputs, -1).numpy(), outputs.argmax(-1).numpy()
    found = {
        "accuracy": 100 * truth.accuracy_score(y, named),
        "balanced_accuracy": 100 * truth.balanced_accuracy_score(y, named),
        "macro_f1": 100 * truth.f1_score(y, named, average="macro"),
        "log_loss": truth.log_loss(y, p),
        "auroc": 100 * truth.roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr"),
    }
    return found | ({} if p.shape[1] == 2 else {"top_5": 100 * truth.top_k_accuracy_score(y, p, k=5)})


@pytest.mark.parametrize(
    "made",
    [classes(), classes(two=True), labels(), numbers()],
    ids=["classes", "two classes", "labels", "numbers"],
)
def test_values_are_those_of_scikit_learn(made) -> None:
    outputs, targets = made
    expected = by_scikit_learn(outputs, targets)
    kind = {1: "classes", 2: "labels", 3: "numbers"}[targets.ndim]
    fitting = {name for name, m in METRICS.items() if kind in m.kinds and m.unfit(targets, outputs.shape[-1]) is None}
    assert expected.keys() == fitting, "a metric without a truth"
    assert {name: of(name, outputs, targets) for name in expected} == pytest.approx(expected, rel=1e-9)


def entities(labels: list[str]) -> set[tuple[str, int, int]]:
    """Return the entities of a sentence by the rules of conlleval and seqeval, which look at pairs of labels."""
    found, begin = set(), 0
    before, kind_before = "O", ""
    for i, label in enumerate([*labels, "O"]):
        tag, kind = label[0], label[2:]
        if (before, tag) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O")} or (before != "O" and kind_before != kind):
            found.add((kind_before, begin, i - 1))
        if tag == "B" or (before, tag) == ("O", "I") or (tag != "O" and kind_before != kind):
            begin = i
        before, kind_before = tag, kind
    return found


def test_entities_are_those_of_conlleval() -> None:
    outputs, targets = tags()
    there, said, right = 0, 0, 0
    for scores, row in zip(outputs, targets, strict=True):
        words = row >= 0
        truly = entities([TAGS[i] for i in row[words]])
        named = entities([TAGS[i] for i in scores.argmax(-1)[words]])
        there, said, right = there + len(truly), said + len(named), right + len(truly & named)
    named = METRICS["entity_f1"].named
    assert named is not None
    measure = named(TAGS)
    assert 100 > measure.metric.value(error_of(measure, outputs, targets)) > 0
    assert error_of(measure, outputs, targets) == pytest.approx(100 - 100 * 2 * right / (there + said))
    assert measure.least is not None and measure.least(targets) == pytest.approx(1 / there)
    assert measure.unfit(torch.full((2, 3), 4), 5) == "has no entity"
    assert named(("NOUN", "VERB")).unfit(targets, 5) == "has other labels than O, B-TYPE and I-TYPE"


def test_neighbours_are_those_of_scikit_learn() -> None:
    outputs, targets = vectors()

    def neighbours(x: torch.Tensor, count: int) -> np.ndarray:
        return NearestNeighbors(n_neighbors=count, metric="cosine").fit(x.numpy()).kneighbors(return_distance=False)

    wanted = neighbours(targets, 1)
    for among in (1, 10):
        share = 100 * np.mean([row[0] in found for row, found in zip(wanted, neighbours(outputs, among), strict=True)])
        assert 5 < share < 95 and of(f"recall_at_{among}", outputs, targets) == pytest.approx(share)
    assert np.array_equal(nearest(targets), wanted[:, 0])
    for empty in (torch.ones_like(targets), torch.full_like(targets, torch.nan)):
        assert of("recall_at_10", empty, targets) == 0.0, "equal vectors and no numbers find nothing"
    assert METRICS["recall_at_10"].unfit(targets[:11], 12) == "has 11 examples, of which 10 others are named"


def test_bits_are_the_logarithm_of_the_probability() -> None:
    outputs = torch.randn(4, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.arange(20).reshape(4, 5) % 7
    p = torch.softmax(outputs, -1).gather(-1, targets[..., None])
    assert of("bits_per_byte", outputs, targets) == pytest.approx(-p.log2().mean().item())


def test_ranks_count_ties_by_half_and_say_nothing_of_one_class() -> None:
    scores, targets = torch.zeros(6, 2), torch.tensor([0, 0, 0, 1, 1, 1])
    assert of("auroc", scores, targets) == 50.0
    assert METRICS["auroc"].unfit(torch.zeros(6, dtype=torch.int64), 2) == "has examples of one class alone"
    assert METRICS["top_5"].unfit(targets, 5) == "has 5 classes, of which five are named"
    assert METRICS["r2"].unfit(torch.ones(3, 2), 2) == "has the same targets in every example"


def test_a_quantile_is_what_its_loss_is_least_at() -> None:
    at = METRICS["quantile_loss"].at
    assert at is not None and at(0.5).metric.name == "quantile loss at 0.5"
    values = torch.arange(1.0, 101.0)[:, None]
    for level in (0.1, 0.5, 0.9):
        losses = [error_of(at(level), torch.full_like(values, guess), values) for guess in range(1, 101)]
        assert abs(1 + np.argmin(losses) - 100 * level) <= 1


@pytest.mark.parametrize("name", list(METRICS))
def test_batches_make_no_difference_and_a_perfect_network_has_no_error(name) -> None:
    measure = METRICS[name] if METRICS[name].named is None else METRICS[name].named(TAGS)
    assert measure.metric.key == name and pickle.loads(pickle.dumps(measure)).metric == measure.metric
    if "vectors" in measure.kinds:
        outputs, targets = vectors()
        right, outputs = targets, torch.cat([outputs, outputs[:, :3]], 1)
    elif "tokens" in measure.kinds:
        targets = torch.arange(40).reshape(8, 5) % 7
        outputs, right = torch.randn(8, 5, 7), 100.0 * torch.nn.functional.one_hot(targets)
    elif "numbers" in measure.kinds:
        outputs, targets = numbers()
        right = targets
    elif measure.of_sequences:
        outputs, targets = tags()
        right = 100.0 * torch.nn.functional.one_hot(targets.clamp(min=0))
    elif "classes" in measure.kinds:
        outputs, targets = classes()
        right = 100.0 * torch.nn.functional.one_hot(targets)
    else:
        outputs, targets = labels()
        right = 100.0 * (2.0 * targets - 1)
    whole, parts = Tally(measure), Tally(measure)
    whole.add(outputs, targets)
    for x, y in zip(outputs.split(7), targets.split(7), strict=True):
        parts.add(x, y)
    assert (parts.error, parts.count) == (pytest.approx(whole.error, rel=1e-9), len(targets))
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=1e-9)
    perfect = Tally(measure)
    perfect.add(right.double(), targets)
    assert perfect.error < 1e-9 < whole.error
    assert (perfect.standard_error > 1e-9) == measure.metric.is_share, "no wrong answer is not certainty"


@pytest.mark.parametrize("name", [name for name, measure in METRICS.items() if "labels" in measure.kinds])
def test_one_example_with_labels_has_a_standard_error(name) -> None:
    """Without it no label is there."""
    outputs, targets = labels()
    tally = Tally(METRICS[name])
    tally.add(outputs, targets * (torch.arange(N) == 3)[:, None])
    assert 0 <= tally.error < math.inf and 0 < tally.standard_error < math.inf


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "auroc", "r2", "accuracy", "mean_absolute_error"])
def test_standard_errors_are_the_spread_over_samples(name) -> None:
    """Over many samples of one distribution the mean of the estimates is the spread of the values, within a quarter."""
    measure, values, estimates = METRICS[name], [], []
    for seed in range(60):
        outputs, targets = numbers(seed) if "numbers" in measure.kinds else classes(seed, two=True)
        tally = Tally(measure)
        tally.add(outputs, targets)
        values.append(tally.error)
        estimates.append(tally.standard_error)
    spread, estimated = np.std(values, ddof=1), math.sqrt(np.mean(np.square(estimates)))
    assert estimated == pytest.approx(spread, rel=0.25)
