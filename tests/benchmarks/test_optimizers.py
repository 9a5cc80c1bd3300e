"""Rounds under each optimiser, in a few steps of small batches."""

from __future__ import annotations

import json

from benchmarks import optimizers


def test_each_way_trains_the_same_networks(monkeypatch, capsys):
    words = ["--json", "--rounds", "2", "4", "--shares", "0.05", "--ways", "adamw", "muon:0.004"]
    monkeypatch.setattr("sys.argv", ["optimizers", *words, "--override", "training.batch_size=16"])
    optimizers.main()
    found = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in found["rows"]] == ["adamw", "muon:0.004"]
    assert len({row["network"] for row in found["rows"]}) == 1
    assert all(len(row["errors"]) == 2 and all(0 < e <= 100 for e in row["errors"]) for row in found["rows"])
    assert found["rows"][0]["errors"] != found["rows"][1]["errors"]
