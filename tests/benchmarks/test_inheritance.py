"""Children from parts of a donor's weights, in a few steps of small batches."""

from __future__ import annotations

import json

import pytest

from benchmarks import inheritance


def test_each_share_trains_the_same_children(monkeypatch, capsys):
    words = ["--json", "--donors=0.05", "--donor-rounds=2", "--rounds=1", "--shares=0,1", "training.batch_size=16"]
    monkeypatch.setattr("sys.argv", ["inheritance", *words])
    inheritance.main()
    found = json.loads(capsys.readouterr().out)
    assert set(found["errors"]) == {f"{kind}, {share}" for kind in ("one gene", "several genes") for share in (0, 1)}
    assert found["errors"]["one gene, 0"] != found["errors"]["one gene, 1"]
    assert len(found["donor_errors"]) == 1


@pytest.mark.parametrize("word", ["--shares=1.5", "--shares=x", "--donor-rounds=4,2"])
def test_what_cannot_be_is_refused_in_one_line(monkeypatch, capsys, word):
    monkeypatch.setattr("sys.argv", ["inheritance", word])
    with pytest.raises(SystemExit, match="2"):
        inheritance.main()
    assert f"argument {word.partition('=')[0]}: invalid" in capsys.readouterr().err.splitlines()[-1]
