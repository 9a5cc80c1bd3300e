"""``import nasweave`` is light, and every name of it is there, documented, and checks what it is given."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest
import yaml
from sqlalchemy import make_url

import nasweave as nw
from runs.app.compose import compose
from tests.runs.databases import postgresql_schema

SHIPPED = "amd_epyc_2c_onnxruntime_t1_vit_tiny"


def test_the_import_is_light():
    program = (
        "import sys, time; begin = time.process_time(); import nasweave; spent = time.process_time() - begin\n"
        "print(spent, *[name for name in ('torch', 'optuna', 'hydra', 'pandas', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    spent, *loaded = done.stdout.split()
    assert float(spent) < 0.3 and loaded == [] and done.stderr == ""


def test_all_is_sorted_and_every_name_is_there_and_documented():
    assert list(nw.__all__) == sorted(nw.__all__)
    assert set(nw.__all__) <= set(dir(nw))
    for name in nw.__all__:
        found = getattr(nw, name)
        assert found.__name__ == name
        assert inspect.getdoc(found), name
        if inspect.isclass(found):
            public = [m for key, m in vars(found).items() if inspect.isfunction(m) and not key.startswith("_")]
            assert all(inspect.getdoc(method) for method in public), name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'supernet_of_mine'"):
        _ = nw.supernet_of_mine
    assert nw.__version__[0].isdigit()


def test_a_space_is_bound_to_its_task_and_takes_choices():
    space = nw.space("vit_tiny", mixer=["softmax", "retention"], precision=["float"])
    assert space.geometry.task == nw.task("digits").shape
    assert set(space.mixer) == {"softmax", "retention"} and list(space.precision) == ["float"]
    listed = nw.space("vit_tiny", mixer=["window", "softmax"], options={"window": {"size": [2, 4]}})
    assert [str(gene) for gene in listed.option_genes] == ["mixer.window.size"]
    assert nw.space("vit_tiny", task=nw.task("digits")).fingerprint == nw.space("vit_tiny").fingerprint


@pytest.mark.parametrize(
    "make",
    [
        lambda: nw.space("vit_tinny"),
        lambda: nw.space("vit_tiny", mixer=["softmacks"]),
        lambda: nw.task("digit"),
        lambda: nw.sampler("nasweeve", nw.space("vit_tiny")),
        lambda: nw.sampler("nasweave", nw.space("vit_tiny"), objectives=["speed"]),
        lambda: nw.sampler("nasweave", nw.space("vit_tiny"), batches=3),
        lambda: nw.load_profile("phone_of_nobody"),
        lambda: nw.load_network("nowhere"),
        lambda: nw.load_run("nowhere"),
        lambda: nw.create_run(overrides={"search.n_trails": 10}),
        lambda: nw.create_run(budget={"latency": 5}),
        lambda: nw.create_run(objectives=["validation_eror"]),
        lambda: nw.create_run(device=nw.device("tensorflow")),
        lambda: nw.task("digits", paht="mine"),
        lambda: nw.create_run(task_options={"paht": "mine"}),
        lambda: nw.create_run(budget={"latency_ms": float("nan")}),
        lambda: nw.create_run(budget=5),
        lambda: nw.create_run(objectives="latency_ms"),
        lambda: nw.create_run(overrides=["search.seed=1"]),
        lambda: nw.create_run(overrides={1: 2}),
        lambda: nw.create_run(space={"depth": [1]}),
        lambda: nw.create_run(space=nw.space("vit_tiny", task=nw.task("digits", patch_size=1))),
        lambda: nw.sampler("nasweave", nw.space("vit_tiny"), objectives="size_bytes"),
        lambda: nw.sampler("nasweave", nw.space("vit_tiny"), seed=-1),
        lambda: nw.create_run(outputs="x").search(n_trials=3),
        lambda: nw.create_run(outputs="x", overrides={"search": "nasweave"}).search(time_budget="1m"),
        lambda: nw.create_run(outputs="x", overrides={"search": "nasweave"}).search(n_trials="many"),
        lambda: nw.create_run(outputs="x").train(steps=0),
        lambda: nw.create_run(outputs="x").profile(time_budget="soon"),
        lambda: nw.create_run(outputs="x").export(formats="onnx"),
    ],
)
def test_what_is_not_known_is_told(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nw.NasweaveError):
        make()
    assert list(tmp_path.iterdir()) == [], "a mistake leaves nothing behind"


def test_a_device_is_a_setting():
    assert nw.device("openvino", threads=2, batch_size=4) == nw.Setting(runtime="openvino", threads=2, batch_size=4)


def test_create_run_writes_nothing_and_takes_what_it_is_given(tmp_path):
    with nw.create_run(
        "mine",
        space=nw.space("vit_tiny", depth=[1, 2]),
        device=nw.device(threads=2),
        objectives=["validation_error", "size_bytes"],
        budget={"latency_ms": 5},
        outputs=tmp_path / "outputs",
        overrides={"search.seed": 3, "search": "linas"},
    ) as run:
        config = run.config
        assert run.path == tmp_path / "outputs" / "digits" / "mine"
        assert (config.search.sampler, config.search.seed) == ("linas", 3)
        assert config.search.objectives == ("validation_error", "size_bytes")
        assert (config.hardware.threads, config.budget["latency_ms"]) == (2, 5)
        assert "mine" in repr(run)
    assert list(tmp_path.iterdir()) == []


def test_a_space_of_a_program_comes_through(tmp_path):
    space = nw.space("vit_tiny", depth=[1, 2], mixer=["softmax", "pooling"], precision=["float", "w8a8"])
    with nw.create_run(space=space, outputs=None) as run:
        assert run.space.fingerprint == space.fingerprint


def test_temporary_outputs_vanish(monkeypatch, tmp_path):
    monkeypatch.setenv("NASWEAVE_STORE", f"sqlite:///{tmp_path}/team.db")
    with nw.create_run(outputs=None) as run:
        assert run.space.name == "vit_tiny"
        assert run.path.exists()
        assert str(run.path.parents[1]) in run.config.store, "nothing of it stays in another database"
    assert not run.path.exists() and not run.path.parents[1].exists()
    with pytest.raises(nw.NasweaveError, match="a temporary one, which is closed"):
        run.candidates()
    assert not run.path.parents[1].exists()
    assert run.seconds == {}


def test_a_mistake_leaves_no_temporary_outputs(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(nw.NasweaveError):
        nw.create_run(outputs=None, budget={"latency": 5})
    assert list(tmp_path.iterdir()) == []


def test_a_run_says_the_command_that_would_do_the_same(tmp_path):
    space = nw.space("vit_tiny", depth=[1, 2], mixer=["softmax", "window"], norm={"kind": "rmsnorm"})
    given = {"search.seed": 3, "profile.time_budget": "5m", "search": "linas"}
    with nw.create_run("mine", space=space, outputs=tmp_path / "a b", budget={"latency_ms": 5}, overrides=given) as run:
        assert run.space.fingerprint == space.fingerprint
        words = yaml.safe_load((run.path / ".hydra/overrides.yaml").read_text())
    assert {"name=mine", "search=linas", "search.seed=3", "budget.latency_ms=5"} <= {*words}
    assert compose(overrides=words) == run.config
    with nw.load_run(run.path) as loaded:
        assert loaded.space.name == "vit_tiny"
        assert yaml.safe_load((run.path / ".hydra/overrides.yaml").read_text()) == words, "reading changes nothing"


def test_a_run_is_found_where_its_outputs_were_moved_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with nw.create_run("one") as run:
        assert run.candidates is not None and run.space.name == "vit_tiny"
    Path("elsewhere").mkdir()
    Path("outputs").rename("elsewhere/runs")
    monkeypatch.chdir(tmp_path / "elsewhere/runs/digits")
    with nw.load_run("one") as moved:
        assert Path(moved.config.outputs) == tmp_path / "elsewhere/runs"
        assert moved.config.store == f"sqlite:///{tmp_path}/elsewhere/runs/nasweave.db"
        assert moved.space.name == "vit_tiny"
    assert [path.name for path in Path().iterdir()] == ["one"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the folder of a run"),
        ("[1, 2]", "the folder of a run"),
        ("a: [", "the folder of a run"),
        ("name: 2024-01-01\n", "the folder of a run"),
        ("{}", "config.yaml: name: expected a value"),
        ("nonsense: 1\n", "config.yaml: nonsense: expected one of"),
        ("\xff\xfe", "the folder of a run"),
    ],
)
def test_a_damaged_record_is_told_with_its_file(text, said, tmp_path):
    record = tmp_path / "outputs/digits/x/.hydra/config.yaml"
    record.parent.mkdir(parents=True)
    record.write_bytes(text.encode("latin-1"))
    with pytest.raises(nw.NasweaveError, match=said):
        nw.load_run(record.parents[1])


def test_a_password_that_no_file_holds_comes_from_the_environment(tmp_path, monkeypatch):
    with postgresql_schema() as server:
        url = make_url(server).set(password="MARKED").render_as_string(hide_password=False)
        with nw.create_run("one", outputs=tmp_path, overrides={"store": url}) as run:
            assert run.space.name == "vit_tiny"
        assert all(b"MARKED" not in path.read_bytes() for path in (run.path / ".hydra").iterdir())
        with pytest.raises(nw.NasweaveError, match=r"^NASWEAVE_STORE: expected"):
            nw.load_run(run.path)
        monkeypatch.setenv("NASWEAVE_STORE", url)
        with nw.load_run(run.path) as loaded:
            assert loaded.config == run.config


def test_values_are_short_in_a_notebook():
    data, space = nw.task("digits"), nw.space("vit_tiny")
    assert (
        repr(data)
        == "ClassificationData(input_shape=(1, 8, 8), train=1079, validation=359, test=359, metric='accuracy')"
    )
    assert repr(data.train) == "Split(1079 examples of (1, 8, 8), stored as torch.uint8)"
    assert repr(space) == f"SearchSpace('vit_tiny', about 10^13 networks, fingerprint={space.fingerprint!r})"


def test_an_existing_run_is_refused_or_loaded(tmp_path):
    with nw.create_run("one", outputs=tmp_path, overrides={"search.seed": 7}) as run:
        assert run.space.name == "vit_tiny"
    with pytest.raises(nw.NasweaveError, match="load_if_exists=True"):
        nw.create_run("one", outputs=tmp_path)
    with nw.create_run("one", outputs=tmp_path, overrides={"search.seed": 7}, load_if_exists=True) as again:
        assert again.path == run.path
    with nw.load_run(run.path) as loaded:
        assert loaded.config == run.config


def test_a_sampler_and_a_predictor_serve_a_study_of_ones_own():
    space = nw.space("vit_tiny")
    latency = nw.LatencyPredictor(space).fit(nw.load_profile(SHIPPED))
    sampler = nw.sampler(
        "nasweave",
        space,
        objectives=["validation_loss", "latency_ms"],
        costs={"latency_ms": latency.predict},
        budget={"latency_ms": 0.08},
        n_trials=24,
        initial=8,
    )
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    exact = nw.CostModel(space)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        genes = space.encode([space.suggest(trial)])
        return 1 / float(exact.params(genes)[0]), float(latency.predict(genes)[0])

    study.optimize(objective, n_trials=24)
    values = np.array([trial.values for trial in study.trials])
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 24
    assert (values[8:, 1] <= 0.08).mean() > 0.7, "the limit on a known cost holds after the first design"


def test_doctor_tells_of_the_machine_and_prints_nothing(fresh_logging, tmp_path, capfd):
    facts = nw.doctor(data_root=tmp_path)
    assert {"device", "versions", "runtimes", "measuring", "registries"} <= facts.keys()
    assert capfd.readouterr() == ("", "")
