"""``nasweave bench predictor`` on a tiny profile of this machine."""

from __future__ import annotations

import json

from tests.runs.tiny import TINY, begin_from, nasweave


def test_bench_shows_random_and_time_splits_and_a_picture(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    few = ["hardware=torch", "space.precision=[float]", "profile.networks=12"]  # PyTorch runs what it has
    assert nasweave(monkeypatch, "bench", "predictor", *TINY, *few) == 0
    folder = tmp_path / "outputs" / "digits" / "default" / "bench"
    facts = json.loads((folder / "predictor.json").read_text())
    assert [split["split"] for split in facts["splits"]] == ["random", "time"]
    for split in facts["splits"]:
        assert split["networks"] == len(split["predicted_ms"]) == len(split["fold"])
        assert split["networks"] >= 12
        assert 0.0 <= split["covered"] <= 1.0
    assert (folder / "predictor.png").read_bytes().startswith(b"\x89PNG")
    shown = capfd.readouterr().err
    assert "noise floor" in shown and "time" in shown


def test_a_profile_of_too_few_networks_is_refused(tiny_run, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    begin_from(tiny_run, tmp_path / "outputs")
    assert nasweave(monkeypatch, "bench", *TINY) == 2
    assert "profile.networks" in capfd.readouterr().err


def test_another_benchmark_is_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "bench", "what=weather", *TINY) == 2
    assert "what" in capfd.readouterr().err
