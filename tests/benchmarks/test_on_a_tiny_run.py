"""The benchmarks that work on a whole run, on one that takes seconds; they share its profile, supernet and search."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import deployment, joint_search, predicted_measured, supernet_search
from benchmarks.open_run import open_run
from tests.runs.tiny import TINY, begin_from


@pytest.fixture(scope="module")
def outputs(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    begin_from(tiny_run, outputs)
    return outputs


def rows_of(program, monkeypatch, capsys, *arguments: str):
    monkeypatch.setattr("sys.argv", [program.__name__, "--json", *arguments])
    program.main()
    return json.loads(capsys.readouterr().out)


@pytest.mark.timeout(280)
def test_deployment_compares_the_chosen_network_with_the_largest_one(outputs, monkeypatch, capsys):
    arguments = ["--tasks=digits", f"--folder={outputs}", f"--results={outputs}", "--finetune-steps=5"]
    arguments += [
        "--race=2",
        "--uniform-race=2",
        "--evaluations=16",
        "--seeds=1",
        f"--picture={outputs / 'picture.png'}",
    ]
    (row,) = rows_of(deployment, monkeypatch, capsys, *arguments, *TINY)
    (file,) = outputs.glob("deployment_*.json")
    assert json.loads(file.read_text()) == [row]
    base, chosen = row["baseline"], row["chosen"]
    assert row["latency_ratio"] == pytest.approx(base["latency_ms"] / chosen["latency_ms"], rel=1e-2)
    assert row["size_ratio"] == pytest.approx(base["onnx_bytes"] / chosen["onnx_bytes"], rel=1e-2)
    assert row["reached"] == (chosen["validation"] >= base["validation"])
    if row["uniform"] is not None:
        assert row["uniform_latency_ratio"] == pytest.approx(
            row["uniform"]["latency_ms"] / chosen["latency_ms"], rel=1e-2
        )
        assert row["uniform"]["validation"] >= chosen["validation"]
    assert chosen in row["tried"] and len(row["joint_hypervolume_gains"]) == 1
    assert (outputs / "picture.png").stat().st_size > 10_000


@pytest.mark.timeout(280)
def test_predictions_are_compared_with_new_measurements(outputs, monkeypatch, capsys):
    picture = outputs / "residuals.png"
    arguments = ["--random=5", "--front", f"--picture={picture}", f"outputs={outputs}", "name=deployment", *TINY]
    random, front = rows_of(predicted_measured, monkeypatch, capsys, *arguments)["rows"]
    assert (random["group"], random["networks"], front["group"]) == ("random", 5, "front")
    for row in (random, front):
        predicted, measured = np.array(row["predicted_ms"]), np.array(row["measured_ms"])
        assert row["median_error_percent"] == pytest.approx(100 * np.median(abs(predicted / measured - 1)), abs=0.1)
        assert 0 <= row["hours_after_the_profile"] < 1
    assert picture.stat().st_size > 10_000


@pytest.mark.timeout(280)
def test_samplers_are_compared_on_a_real_supernet(outputs, monkeypatch, capsys):
    arguments = ["--methods=nasweave,random", "--seeds=2", "--evaluations=12", "--examples=64", "--processes=1"]
    result = rows_of(supernet_search, monkeypatch, capsys, *arguments, f"outputs={outputs}", *TINY)
    assert result["checkpoints"] == [12] and set(result["methods"]) == {"nasweave", "random"}
    for row in result["methods"].values():
        assert row["seeds"] == 2 and all(0 < share[0] <= 1 for share in row["shares"])


def test_shares_are_of_the_hypervolume_of_all_runs():
    corner, better = [[4.0, 4.0]], [[4.0, 4.0], [2.0, 2.0], [0.0, 3.0], [3.0, 0.0]]
    shares = supernet_search.shares({"a": [better], "b": [corner * 4]}, checkpoints=[1, 2, 4])
    assert np.allclose(shares["a"], [[0, 4 / 8, 1]])
    assert np.allclose(shares["b"], 0)


def test_in_precision_leaves_canonical_networks():
    space = open_run(["task=digits"]).space
    for architecture in (space.largest, space.smallest, space.middle):
        whole = joint_search.in_precision(space, architecture, "w8a8")
        assert space.decode(space.encode([whole]))[0] == whole
        channels = joint_search.in_precision(space, architecture.in_float(), "w8a8", mixer=False)
        assert all(layer.mixer_precision == "float" for layer in channels.layers)
