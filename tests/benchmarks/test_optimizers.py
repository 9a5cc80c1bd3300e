"""Rounds under each optimiser, in a few steps of small batches."""

from __future__ import annotations

import json

import pytest

from benchmarks import optimizers


def test_each_way_trains_the_same_networks(monkeypatch, capsys):
    words = ["--json", "--rounds=2,4", "--shares=0.05", "--ways=adamw,muon:0.004", "training.batch_size=16"]
    monkeypatch.setattr("sys.argv", ["optimizers", *words])
    optimizers.main()
    found = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in found["rows"]] == ["adamw", "muon:0.004"]
    assert len({row["network"] for row in found["rows"]}) == 1
    assert all(len(row["errors"]) == 2 and all(0 < e <= 100 for e in row["errors"]) for row in found["rows"])
    assert found["rows"][0]["errors"] != found["rows"][1]["errors"]


@pytest.mark.parametrize("word", ["--ways=adam", "--ways=muon:x", "--ways=muon:0", "--rounds=4,2", "--shares=1"])
def test_what_cannot_be_is_refused_in_one_line(monkeypatch, capsys, word):
    monkeypatch.setattr("sys.argv", ["optimizers", word])
    with pytest.raises(SystemExit, match="2"):
        optimizers.main()
    assert f"argument {word.partition('=')[0]}: invalid" in capsys.readouterr().err.splitlines()[-1]
