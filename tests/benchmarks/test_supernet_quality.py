import json
from pathlib import Path

import pytest

from benchmarks import supernet_quality
from benchmarks.open_run import open_run


def test_spread_architectures_hold_every_mixer_in_float():
    space = open_run(["task=digits"]).space
    chosen = supernet_quality.spread_architectures(space, 12, seed=0)
    assert len({a.key for a in chosen}) == 12
    assert {layer.mixer for a in chosen for layer in a.layers} == set(space.mixer)
    assert all(a == a.in_float() for a in chosen)


@pytest.mark.timeout(280)
def test_rows_of_a_short_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    arguments = ["--json", "--tasks=digits", "--rules=sandwich,split_batch", "--architectures=5", "--steps=10"]
    arguments += ["--alone-steps=5", "--trials=4", "--processes=1", f"--folder={tmp_path}"]
    picture = tmp_path / "quality.png"
    monkeypatch.setattr(supernet_quality, "_POOL", 400)
    monkeypatch.setattr("sys.argv", ["supernet_quality", *arguments, f"--picture={picture}"])
    supernet_quality.main()
    printed = capsys.readouterr().out
    rows = json.loads(printed)
    assert [row["rule"] for row in rows] == ["sandwich", "split_batch"]
    for row in rows:
        assert row["task"] == "digits" and -1 <= row["kendall_tau"] <= 1
        assert row["inherited_gap"] == pytest.approx(row["best"]["inherited"] - row["best"]["alone"], abs=1e-3)
        assert len(row["networks"]) == 5
    sandwich, split = (row["relative_throughput"] for row in rows)
    assert 0 < sandwich < split  # four forward passes of the whole batch against two
    assert picture.stat().st_size > 10_000
    (tmp_path / "earlier.json").write_text(printed)
    monkeypatch.setattr(supernet_quality, "qualities_alone", lambda _, missing, **__: {} if not missing else None)
    again = ["--rules=sandwich", f"--alone-of={tmp_path / 'earlier.json'}"]
    monkeypatch.setattr("sys.argv", ["supernet_quality", *arguments, *again])
    supernet_quality.main()
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["kendall_tau"], row["alone_of"]) == (rows[0]["kendall_tau"], "earlier.json")
