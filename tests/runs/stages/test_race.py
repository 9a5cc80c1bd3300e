"""The race for being finetuned: who enters, and who goes on after each round."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runs.stages.race import contenders, race
from runs.store import Candidate
from search_space import Architecture, Layer


def candidate(name: str, error: float, *mixers: str) -> Candidate:
    layers = tuple(Layer(mixer=mixer, num_heads=1, channel_mixer="mlp", ratio=1) for mixer in mixers)
    return Candidate(
        run_id=1,
        key=name,
        architecture_json=Architecture(embed_dim=8, layers=layers).to_json(),
        values={"validation_error": error},
        predicted={},
        source="search",
        trial_number=None,
        state="complete",
        reason="",
        created_at=datetime.now(UTC),
        final=None,
    )


def test_every_leading_mixer_enters_before_the_second_best_of_one():
    attention = [candidate(f"attention{i}", 1.0 + i / 10, "softmax", "softmax", "pooling") for i in range(5)]
    others = [candidate("conv", 9.0, "depthwise_conv", "identity"), candidate("none", 30.0, "identity", "identity")]
    entered = [c.key for c in contenders([*others, *attention], 4)]
    assert entered == ["attention0", "conv", "none", "attention1"]
    assert len(contenders([*others, *attention], 100)) == 7


@pytest.mark.parametrize(
    ("count", "lengths"),
    [(1, []), (2, [(2, 300)]), (3, [(3, 300)]), (4, [(4, 100), (2, 300)]), (9, [(9, 100), (3, 300)])],
)
def test_a_third_goes_on_with_three_times_the_steps(count, lengths):
    entered = [candidate(str(i), 0.0, "softmax") for i in range(count)]
    asked: list[tuple[str, int]] = []

    def error_after(who: Candidate, steps: int) -> float:
        asked.append((who.key, steps))
        return -float(who.key)  # the last one is the best, whatever the supernet says

    winner, rounds = race(entered, steps=900, error_after=error_after)
    assert winner.key == str(count - 1)
    assert [len(errors) for errors in rounds] == [number for number, _ in lengths]
    assert [steps for _, steps in asked] == [steps for number, steps in lengths for _ in range(number)]
    assert all(str(count - 1) in errors for errors in rounds)
