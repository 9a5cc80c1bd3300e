"""The benchmark of the step of decode, on two mixers and few tokens."""

from __future__ import annotations

import json

import pytest

from benchmarks import decode_step


def test_steps_at_both_lengths_are_timed_and_their_caches_counted(monkeypatch, capsys):
    words = ["--json", "--lengths", "4", "12", "--mixers", "softmax", "linear", "--seconds", "0.01"]
    monkeypatch.setattr("sys.argv", ["decode_step", *words])
    decode_step.main()
    softmax, linear = json.loads(capsys.readouterr().out)["rows"]
    assert softmax["cache_bytes"] == [4 * 2 * 4 * length * 32 for length in (4, 12)]
    assert linear["cache_bytes"][0] == linear["cache_bytes"][1] > 0
    assert all(ms > 0 for row in (softmax, linear) for ms in row["ms"])


def test_a_mixer_that_does_not_decode_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["decode_step", "--mixers", "fourier"])
    with pytest.raises(SystemExit):
        decode_step.main()
    assert "invalid choice: 'fourier'" in capsys.readouterr().err
