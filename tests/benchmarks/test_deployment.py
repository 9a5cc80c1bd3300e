import json
from pathlib import Path

import pytest

from benchmarks import deployment, joint_search
from benchmarks.open_run import open_run
from tests.runs.tiny import TINY


def test_in_precision_leaves_canonical_networks():
    space = open_run(["task=digits"]).space
    for architecture in (space.largest, space.smallest, space.middle):
        whole = joint_search.in_precision(space, architecture, "w8a8")
        assert space.decode(space.encode([whole]))[0] == whole
        channels = joint_search.in_precision(space, architecture.in_float(), "w8a8", mixer=False)
        assert all(layer.mixer_precision == "float" for layer in channels.layers)


@pytest.mark.timeout(280)
def test_rows_of_a_tiny_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    arguments = ["--json", "--tasks=digits", f"--folder={tmp_path}", f"--results={tmp_path}", "--finetune-steps=5"]
    arguments += ["--candidates=2", "--evaluations=16", "--seeds=1", f"--picture={tmp_path / 'picture.png'}"]
    tiny = [a for a in TINY if not a.startswith(("outputs=", "name="))]
    monkeypatch.setattr("sys.argv", ["deployment", *arguments, *tiny])
    deployment.main()
    (row,) = json.loads(capsys.readouterr().out)
    (file,) = tmp_path.glob("deployment_*.json")
    assert json.loads(file.read_text()) == [row]
    assert row["latency_ratio"] == pytest.approx(row["baseline"]["latency_ms"] / row["chosen"]["latency_ms"], rel=1e-2)
    assert row["size_ratio"] == pytest.approx(row["baseline"]["onnx_bytes"] / row["chosen"]["onnx_bytes"], rel=1e-2)
    assert row["reached"] == (row["chosen"]["validation"] >= row["baseline"]["validation"])
    assert row["chosen"] in row["tried"]
    assert len(row["joint_hypervolume_gains"]) == 1
