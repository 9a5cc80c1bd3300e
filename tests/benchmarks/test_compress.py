"""The benchmark of compressed checkpoints, on one of a few weights: every way is there, measured as its files are."""

from __future__ import annotations

import json

import pytest

from benchmarks import compress
from tests.runs.test_compress import WORDS, text_checkpoint
from tests.supernet.tasks.samples import texts, write_texts


def test_every_way_is_a_row(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "mine.csv", texts(120, classes=3))
    folder = text_checkpoint(tmp_path / "encoder", layers=4)
    own = ["task=text", "task.options.path=mine.csv", *WORDS]
    monkeypatch.setattr(
        "sys.argv", ["compress", "--json", "--minutes=0.01", "--picture=picture.png", str(folder), *own]
    )
    compress.main()
    result = json.loads(capsys.readouterr().out)
    by_hand = [row for row in result["rows"] if row["group"] != "nasweave"]
    assert [row["name"] for row in by_hand] == [
        f"{name}, {kind}" for name in ("finetuned checkpoint", "first 3 layers") for kind in ("fp32", "int8")
    ]
    assert len(result["rows"]) > len(by_hand) and result["test_examples"] == 12
    for row in result["rows"]:
        assert 0 <= row["test_error"] <= 100 and row["latency_ms"] > 0 and row["steps"] > 0
    fp32, int8, first, _ = by_hand
    assert int8["bytes"] < fp32["bytes"] and first["bytes"] < fp32["bytes"]
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    with pytest.raises(SystemExit, match="2"):
        monkeypatch.setattr("sys.argv", ["compress", "--json"])
        compress.main()
