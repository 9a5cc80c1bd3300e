"""A whole run from Python: search, front, export and the network again; silent, and found by its folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import nasweave as nw

TINY: dict[str, Any] = {
    "space.embed_dim": [16],
    "space.depth": [1, 2],
    "space.head_dim": 8,
    "space.mixer": ["softmax", "identity"],
    "space.num_heads": [1],
    "space.channel_mixer": ["mlp"],
    "space.ratio": [1],
    "space.precision": ["float"],
    "space.options": {},
    "training.batch_size": 32,
    "training.warmup_steps": 2,
    "profile.time_budget": None,
    "profile.networks": 2,
    "profile.max_seconds": 0.01,
    "search.fidelities.rungs": [40, 80],
    "search.fidelities.max_rounds": 6,
    "search.fidelities.initial": 4,
    "search.fidelities.processes": 1,
    "baselines.random": 1,
    "baselines.uniform": 1,
    "finalists": 2,
    "export.formats": ["safetensors"],
    "export.measure": False,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nw.Run]:
    with nw.create_run("tiny", outputs=tmp_path_factory.mktemp("outputs"), overrides=TINY) as run:
        yield run


def test_a_search_gives_a_table_and_says_nothing(fresh_logging, run, capfd):
    found = run.search()
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert found.index.name == "key" and len(found) >= 2
    assert {"architecture", "trial", "validation_error", "latency_ms", "size_bytes", "training_steps"} <= {*found}
    assert all(isinstance(architecture, nw.Architecture) for architecture in found.architecture)
    assert set(found.training_steps) <= {40, 80} and found.validation_error.between(0, 100).all()


def test_the_front_is_of_networks_that_nothing_dominates(run):
    found, front = run.candidates(), run.front()
    assert {*front.index} <= {*found.index} and len(front) >= 1
    assert front.latency_ms.is_monotonic_increasing and front.validation_error.is_monotonic_decreasing
    for key in found.index.difference(front.index):
        row = found.loc[key]
        assert ((front.latency_ms <= row.latency_ms) & (front.validation_error <= row.validation_error)).any()


def test_an_export_is_the_network_that_was_found(fresh_logging, run, capfd):
    exported = run.export("best")
    assert capfd.readouterr() == ("", "")
    assert exported.key == run.front().validation_error.idxmin() == exported.path.name
    assert {"manifest.json", "model.safetensors", "README.md"} <= {*exported.files}
    assert "safetensors" in exported.parity
    network = nw.load_network(exported.path)
    assert not network.training
    data = nw.task("digits")
    with torch.inference_mode():
        assert network(torch.zeros(2, *data.shape.input_shape)).shape == (2, 10)


def test_a_measured_front_is_measured_and_tested(run):
    front = run.front(measured=True)
    assert {"measured_latency_ms", "test_error"} <= {*front}
    assert (front.measured_latency_ms > 0).all() and front.test_error.between(0, 100).all()


def test_more_training_takes_the_place_of_less(run):
    key = run.front().validation_error.idxmin()
    before = run.candidates().training_steps[key]
    run.finetune(key, steps=4)
    assert run.candidates().training_steps[key] == before + 4


def test_a_run_is_found_by_its_folder(run):
    with nw.load_run(run.path) as again:
        assert again.candidates().equals(run.candidates())
        assert again.space.fingerprint == run.space.fingerprint
        assert {*again.search().index} == {*run.candidates().index}, "a finished search is not begun again"


def test_progress_is_shown_when_asked_for(run, capfd):
    with nw.load_run(run.path, progress=True) as again:
        again.search()
        again.front()
    printed = capfd.readouterr()
    assert printed.out == "" and "profile: done before" in printed.err and "networks" in printed.err
