"""A request holds a typed, bounded document: nothing in it reaches the composition as an override or a path."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from runs.app.compose import compose_words, hydra_words
from runs.app.config import from_hydra
from runs.app.jobs.configuration import overrides
from runs.service.client.shell import document_of
from runs.service.document.model import RunDocument
from runs.store.service.records import Dataset
from search_space.errors import ConfigError
from tests.runs.service.conftest import SMALL

PARTS = {"parameter", "expected", "got", "remedy"}
BAD = [
    ({}, "body"),
    ({"task": "digits", "dataset": "mine"}, "body"),
    ({"task": "no_task"}, "task"),
    ({"task": "npz"}, "task"),
    ({"task": "${oc.env:HOME}"}, "task"),
    ({"name": "${oc.env:SECRET}"}, "name"),
    ({"name": "../../etc"}, "name"),
    ({"name": "a/b"}, "name"),
    ({"name": ""}, "name"),
    ({"name": "x" * 65}, "name"),
    ({"name": "a\n"}, "name"),
    ({"overrides": ["hydra.searchpath=[file:///tmp]"]}, "overrides"),
    ({"hydra": {"job": {"env_set": {"LD_PRELOAD": "x"}}}}, "hydra"),
    ({"outputs": "/tmp"}, "outputs"),
    ({"store": "sqlite:////tmp/x"}, "store"),
    ({"data_root": "/"}, "data_root"),
    ({"search": {"method": "nasweave", "_target_": "os.system"}}, "search._target_"),
    ({"search": {"method": "../config"}}, "search.method"),
    ({"space": "vit_tiny,text"}, "space"),
    ({"device": {"profile": "/etc/passwd"}}, "device.profile"),
    ({"device": {"profile": "../x"}}, "device.profile"),
    ({"device": {"profile": "unknown"}}, "device.profile"),
    ({"device": {"threads": 17}}, "device.threads"),
    ({"device": {"threads": "2"}}, "device.threads"),
    ({"device": {"threads": True}}, "device.threads"),
    ({"budget": {"latency_ms": 0}}, "budget.latency_ms"),
    ({"budget": {"latency_ms@phone": 1}}, "budget.latency_ms@phone"),
    ({"time_budget": "1s"}, "time_budget"),
    ({"time_budget": "9999h"}, "time_budget"),
    ({"time_budget": "5m; rm"}, "time_budget"),
    ({"search": {"trials": 100}}, "search.trials"),
    ({"search": {"method": "nasweave", "trials": 10**5}}, "search.trials"),
    ({"search": {"method": "nasweave"}, "time_budget": "5m"}, "time_budget"),
    ({"search": {"workers": 2}}, "search.workers"),  # for this service is on SQLite
    ({"search": {"workers": 9}}, "search.workers"),
    ({"search": {"workers": 0}}, "search.workers"),
    ({"training": {"steps": 10**6}}, "training.steps"),
    ({"choices": {"mixer": ["softmax", "$(id)"]}}, "choices.mixer.1"),
    ({"choices": {"embed_dim": [10**6]}}, "choices.embed_dim.0"),
    ({"export": {"formats": ["pickle"]}}, "export.formats.0"),
    ({"fork": "unknown"}, "fork"),
    ({"dataset": "unknown", "task": None}, "dataset"),
]


@pytest.mark.parametrize(("change", "parameter"), BAD)
def test_what_is_not_offered_is_refused_in_four_parts(ann, change, parameter):
    document = {**SMALL, **change} if change else {}
    answer = ann.post("/api/v1/runs", json=document)
    assert answer.status_code in (404, 422)
    told = answer.json()
    assert set(told) == PARTS and told["parameter"] == parameter and all(told.values()), told
    assert ann.get("/api/v1/runs").json()["runs"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"task": NaN}', b"\xff\xfe"])
def test_what_is_no_document_is_refused(ann, body):
    answer = ann.post("/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and set(answer.json()) == PARTS


def configured(document, **more):
    places = {"name": "a-1", "outputs": "outputs", "data_root": "data"}
    asked = overrides(RunDocument.model_validate(document), **places, **more)
    return from_hydra(compose_words(hydra_words(asked, config_dir=None)))


def test_a_document_becomes_the_configuration_that_it_describes():
    config = configured(
        {
            "task": "digits",
            "space": "vit_tiny",
            "choices": {"embed_dim": [16, 24], "mixer": ["softmax"], "precision": ["w8a8"]},
            "device": {"profile": "amd_epyc_2c_onnxruntime_t1_vit_tiny", "threads": 2},
            "budget": {"latency_ms": 0.05, "size_bytes": 10_000},
            "search": {"method": "nasweave", "trials": 12, "seed": 3, "objectives": ["validation_loss", "params"]},
            "training": {"steps": 7},
            "finalists": 2,
            "export": {"formats": ["onnx"], "measure": False},
        }
    )
    assert (config.name, config.outputs, config.data_root) == ("a-1", "outputs", "data")
    assert config.space["embed_dim"] == [16, 24] and config.space["precision"] == ["w8a8"]
    assert config.profile.path is not None and config.profile.path.endswith("_t1_vit_tiny.json")
    assert config.limits.limits == {"latency_ms": 0.05, "size_bytes": 10_000}
    assert (config.search.n_trials, config.search.seed, config.hardware.threads) == (12, 3, 2)
    assert config.search.objectives == ("validation_loss", "params") and config.search.sampler == "nasweave"
    assert (config.training.steps, config.finalists, config.export.formats) == (7, 2, ("onnx",))


def test_what_is_left_out_is_the_default_of_the_task():
    config = configured({"task": "digits"})
    assert config.search.method == "fidelities" and config.profile.time_budget == "52s" and config.profile.path is None


def test_a_registered_data_set_brings_its_path():
    data = Dataset(name="mine", task="npz", options={"path": "/data/a b${x}.npz", "patch_size": 4})
    with pytest.raises(ConfigError):  # composition never reads a reference into a path that an administrator gave
        configured({"dataset": "mine"}, dataset=data)
    data = Dataset(name="mine", task="npz", options={"path": "/data/l'été, 1.npz", "patch_size": 4})
    config = configured({"dataset": "mine"}, dataset=data)
    assert config.task.name == "npz" and config.task.options["path"] == "/data/l'été, 1.npz"


def test_words_of_the_shell_are_a_document():
    words = ["task=digits", "search=nasweave", "search.n_trials=8", "space.embed_dim=[16,24]", "budget.latency_ms=0.05"]
    document = document_of([*words, "hardware.threads=2", "time_budget=5m"])
    assert document["search"] == {"method": "nasweave", "trials": 8} and document["device"] == {"threads": 2}
    RunDocument.model_validate({**document, "time_budget": None})
    for word in ("--force", "=1", "a"):
        with pytest.raises(ConfigError):
            document_of([word])
    with pytest.raises(ValidationError):
        RunDocument.model_validate(document_of(["task=digits", "hydra.job.name=x"]))
