"""What an earlier version wrote still opens: its commands go on in its folder, and its files are read.

The folders are kept beside this file, and ``make.py`` makes them anew from git history.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import sqlalchemy as sa

from hardware_profiles import Profile
from supernet.saving import load_network
from tests.runs.tiny import nasweave

HERE = Path(__file__).parent
VERSIONS = sorted(path.parent.name for path in HERE.glob("*/outputs.tar.xz"))
RUN = Path("outputs/digits/default")

pytestmark = pytest.mark.smoke


def kept(version: str, name: str) -> list[str]:
    """Return a command that an earlier version was given, as it was given."""
    return json.loads((HERE / version / "commands.json").read_text())[name]


@pytest.fixture(params=VERSIONS)
def version(request, tmp_path, monkeypatch) -> str:
    """Work in a copy of what an earlier version wrote."""
    with tarfile.open(HERE / request.param / "outputs.tar.xz") as tar:
        tar.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return request.param


def candidates(name: str) -> int:
    """Return how many networks the database holds of a run."""
    engine = sa.create_engine("sqlite:///outputs/nasweave.db")
    with engine.connect() as connection:
        counted = connection.execute(
            sa.text(
                "select count(*) from nasweave_candidates c join nasweave_runs r on r.id = c.run_id where name = :name"
            ),
            {"name": name},
        ).scalar_one()
    engine.dispose()
    return int(counted)


def test_a_report_is_written_from_what_is_there(version, monkeypatch, capsys):
    before, front = candidates("default"), pd.read_csv(RUN / "report" / "front.csv")
    assert nasweave(monkeypatch, "report", *kept(version, "run")[1:]) == 0, capsys.readouterr().err
    assert candidates("default") == before > 16, "nothing is evaluated again"
    assert (
        not list(Path("outputs/profiles").glob("*.tmp")) and len(list(Path("outputs/digits/supernets").iterdir())) == 1
    )
    again = pd.read_csv(RUN / "report" / "front.csv")
    pd.testing.assert_frame_equal(
        again[["key", "validation_error", "latency_ms"]], front[["key", "validation_error", "latency_ms"]]
    )
    assert (RUN / "report" / "index.html").stat().st_size > 10_000


def test_a_search_goes_on(version, monkeypatch, capsys):
    before = candidates("default")
    checkpoint = next(Path("outputs/digits/supernets").glob("*/checkpoint.safetensors")).read_bytes()
    assert nasweave(monkeypatch, "search", *kept(version, "run")[1:], "search.n_trials=20") == 0, (
        capsys.readouterr().err
    )
    assert candidates("default") >= before + 4
    (after,) = Path("outputs/digits/supernets").glob("*/checkpoint.safetensors")
    assert after.read_bytes() == checkpoint, "the supernet is that of the earlier version"


def test_runs_are_compared(version, monkeypatch, capsys):
    assert nasweave(monkeypatch, "report", "compare=[default,by_tpe]") == 0, capsys.readouterr().err
    assert Path("outputs/digits/comparisons/default+by_tpe/index.html").exists()


def test_a_finetuned_network_is_exported(version, monkeypatch, capsys):
    (finetuned,) = (RUN / "finetuned").glob("*/network")
    key = finetuned.parent.name
    assert load_network(finetuned).architecture.key == key
    command = [*kept(version, "run")[1:-1], "export.formats=[safetensors]", f"key={key}"]
    assert nasweave(monkeypatch, "export", *command) == 0, capsys.readouterr().err
    exported, expected = load_network(RUN / "exports" / key), load_network(finetuned)
    for name, weights in expected.state_dict().items():
        np.testing.assert_array_equal(weights, exported.state_dict()[name])


def test_profiles_and_exports_are_read(version):
    for task, words in (("digits", "run"), ("gutenberg", "text")):
        run = Path("outputs", task, "default")
        profile = Profile.load(run / "profile.json")
        assert len(profile.blocks) > 5 and len(profile.networks) >= 2 and kept(version, words)
        (export,) = (run / "exports").iterdir()
        network, example = load_network(export), np.load(export / "example_input.npy")
        assert network.architecture.key == export.name
        session = onnxruntime.InferenceSession(str(export / "model.onnx"), providers=["CPUExecutionProvider"])
        (outputs,) = session.run(None, {session.get_inputs()[0].name: example})
        assert np.isfinite(outputs).all()


def test_a_language_model_is_reported_and_searched_on(version, monkeypatch, capsys):
    before = len(list(Path("outputs/gutenberg/supernets").iterdir()))
    command = [*kept(version, "text")[1:], "search.n_trials=10"]
    assert nasweave(monkeypatch, "report", *command) == 0, capsys.readouterr().err
    assert len(list(Path("outputs/gutenberg/supernets").iterdir())) == before == 1
    assert Path("outputs/gutenberg/default/report/index.html").exists()
