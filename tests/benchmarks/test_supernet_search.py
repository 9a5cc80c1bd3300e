import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import predicted_measured, supernet_search
from tests.runs.tiny import TINY


def test_shares_are_of_the_hypervolume_of_all_runs():
    corner, better = [[4.0, 4.0]], [[4.0, 4.0], [2.0, 2.0], [0.0, 3.0], [3.0, 0.0]]
    shares = supernet_search.shares({"a": [better], "b": [corner * 4]}, checkpoints=[1, 2, 4])
    assert np.allclose(shares["a"], [[0, 4 / 8, 1]])
    assert np.allclose(shares["b"], 0)


@pytest.mark.timeout(280)
def test_benchmarks_on_a_tiny_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    run = ["task=digits", f"outputs={tmp_path}", *TINY]
    arguments = ["--json", "--methods=nasweave,random", "--seeds=2", "--evaluations=12", "--examples=64"]
    monkeypatch.setattr("sys.argv", ["supernet_search", *arguments, "--processes=1", *run])
    supernet_search.main()
    result = json.loads(capsys.readouterr().out)
    assert result["checkpoints"] == [12] and set(result["methods"]) == {"nasweave", "random"}
    for row in result["methods"].values():
        assert row["seeds"] == 2 and all(0 < share[0] <= 1 for share in row["shares"])

    picture = tmp_path / "residuals.png"
    monkeypatch.setattr(
        "sys.argv", ["predicted_measured", "--json", "--random=5", "--front", f"--picture={picture}", *run]
    )
    predicted_measured.main()
    result = json.loads(capsys.readouterr().out)
    random, front = result["rows"]
    assert (random["group"], random["networks"], front["group"]) == ("random", 5, "front")
    for row in (random, front):
        predicted, measured = np.array(row["predicted_ms"]), np.array(row["measured_ms"])
        assert row["median_error_percent"] == pytest.approx(100 * np.median(abs(predicted / measured - 1)), abs=0.1)
        assert 0 <= row["hours_after_the_profile"] < 1
    assert picture.stat().st_size > 10_000
