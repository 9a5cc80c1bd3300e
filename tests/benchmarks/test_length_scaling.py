from pathlib import Path

from benchmarks import length_scaling
from benchmarks.length_scaling_picture import draw


def test_every_form_and_phase_is_timed_against_softmax(tmp_path: Path):
    result = length_scaling.measure(lengths=(32,), mixers=("linear", "linformer"), seconds=0.01)
    kinds = {(row["mixer"], row["phase"], row["causal"]) for row in result["rows"]}
    assert kinds == {("linear", "prefill", False), ("linear", "prefill", True), ("linear", "decode", True)} | {
        ("linformer", "prefill", False)
    }
    assert all(row["ratio_to_softmax"] > 0 and row["ms"] > 0 for row in result["rows"])
    draw(result, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
