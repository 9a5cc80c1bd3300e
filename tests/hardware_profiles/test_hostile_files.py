"""Files that anybody may have written: whatever is changed in one, it is refused in a short line or means the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_profiles import Device, Measurement, Profile, subject_from_json
from hardware_profiles.portable.bundle_format import bundle_identity, read_bundle
from hardware_profiles.portable.bundle_results import read_results
from hardware_profiles.portable.exported_folder import read_manifest
from hardware_profiles.profile_file import read_header
from search_space import Architecture
from search_space.errors import NasweaveError
from tests.hardware_profiles.test_device_profile import DEVICE, NETWORK, profile  # noqa: F401

HASH = "0" * 64
MANIFEST = {
    "format": "nasweave.export",
    "schema": 1,
    "name": "a network",
    "models": {
        "model.onnx": {"format": "onnx", "runtime": "onnxruntime", "settings": {"threads": 1}, "files": ["model.onnx"]}
    },
    "files": {name: {"bytes": 3, "sha256": HASH} for name in ("model.onnx", "example_input.npy")},
}
SETTING = {"runtime": "onnxruntime", "threads": 1, "batch_size": 1}
PART = {"path": "models/x.onnx", "sha256": HASH}
MODEL = {"name": "00000", "float_precision": "fp32", "settings": {"a": 1}, "model": PART, "input": PART}
BUNDLE = {
    "format": "nasweave.bundle",
    "schema": 1,
    "setting": SETTING,
    "package": "onnxruntime",
    "graph": "g1",
    "space_fingerprint": "0123456789ab",
    "config": {"precision": 0.01, "time_budget_s": None},
    "provenance": {"task": "digits"},
    "reference": {**MODEL, "name": "reference"},
    "models": [{**MODEL, "phase": "block", "title": "a block", "subject": "{}"}],
}
NUMBERS = (0, -5, 1.5, 1e300, 10**400, float("nan"))
WORDS = ("", "1", "x" * 5000, "../../x", "a\0b", "\ud800", "[/bold]")
STRANGE = st.sampled_from([None, True, *NUMBERS, *WORDS, [], {}, [[]], [None], {"a": 1}])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def changed(data: st.DataObject, whole: Any) -> Any:
    """Return a document with one or two values replaced, removed or added."""
    made = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from(sorted(places(made), key=str)))
        parent = made
        for key in path:
            parent = parent[key]
        match data.draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                parent[last] = copy.deepcopy(data.draw(STRANGE))
            case "remove" if isinstance(parent, dict):
                del parent[last]
            case "add" if isinstance(parent, dict):
                parent["more"] = copy.deepcopy(data.draw(STRANGE))
        if not any(True for _ in places(made)):
            break
    return made


def refused_in_a_line(read: Callable[[], Any]) -> bool:
    try:
        read()
    except NasweaveError as error:
        assert len(str(error)) < 2500 and str(error).isprintable(), str(error)[:200]
        return True
    return False


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data())
def test_a_changed_document_is_refused_or_read(data: st.DataObject):
    measurement = {**ROW, "subject": json.dumps({"architecture": json.loads(NETWORK.to_json())})}
    row = changed(data, measurement)
    refused_in_a_line(lambda: Measurement.from_dict(row))
    for read, whole in (
        (Architecture.from_json, json.loads(NETWORK.to_json())),
        (subject_from_json, json.loads(measurement["subject"])),
        (Device.from_json, {**asdict(DEVICE), "isa": ["neon"]}),
    ):
        text = json.dumps(changed(data, whole))
        refused_in_a_line(lambda read=read, text=text: read(text))


ROW = {
    "latency_ms": 1.0,
    "raw_ms": 1.0,
    "spread": 0.01,
    "repeats": 9,
    "drift": 1.0,
    "reference_ms": 0.1,
    "order": 0,
    "measured_at": "2026-11-22T10:00:00+00:00",
}


def test_changed_files_are_refused_or_read(profile, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("files")
    header = json.loads(profile.save(folder / "p.json").read_text())
    bundle = {**BUNDLE, "id": bundle_identity(BUNDLE)}
    about = {k: header[k] for k in ("device", "setting", "runtime_version", "space_fingerprint", "created_at")}
    head = {"format": "nasweave.bundle_results", "schema": 1, "bundle": "0" * 16, "session": "0" * 16, "unit": "ms"}
    head |= {**about, "confidence": 0.95, "baseline_ms": 0.1, "provenance": {}}
    line = {"name": "00000", **ROW, "subject": json.dumps({"architecture": json.loads(NETWORK.to_json())})}

    def write(name: str, *documents: Any) -> Path:
        (folder / name).write_text("".join(json.dumps(d) + "\n" for d in documents))
        return folder

    def all_read(header: Any, manifest: Any, bundle: Any, results: Any) -> list[bool]:
        return [
            refused_in_a_line(lambda: Profile.load(write("p.json", header) / "p.json")),
            refused_in_a_line(lambda: read_manifest(write("manifest.json", manifest))),
            refused_in_a_line(lambda: read_bundle(write("bundle.json", bundle))),
            refused_in_a_line(lambda: read_results(write("r.jsonl", *results) / "r.jsonl")),
        ]

    assert all_read(header, MANIFEST, bundle, [head, line]) == [False] * 4

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        of_header, of_bundle = changed(data, header), changed(data, bundle)
        refused = all_read(of_header, changed(data, MANIFEST), of_bundle, changed(data, [head, line]))
        assert refused[0] or of_header == header, "a header holds a hash of itself"
        assert refused[2] or of_bundle == bundle, "the identity of a bundle is a hash of it"

    check()


def test_a_flipped_bit_in_a_header_is_noticed(profile, tmp_path):  # noqa: F811
    path = profile.save(tmp_path / "p.json")
    whole, known = path.read_bytes(), read_header(path)
    for place in range(len(whole)):
        bits = bytearray(whole)
        bits[place] ^= 1 << place % 8
        path.write_bytes(bytes(bits))
        try:
            assert read_header(path) == known, f"byte {place}"  # white space for white space
        except NasweaveError:
            continue


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cores", -5, "cores: expected an integer from 1"),
        ("isa", "avx2", "isa: expected a list"),
        ("memory_bytes", 1e300, "memory_bytes: expected an integer"),
        ("name", "../x", "name: expected letters"),
    ],
)
def test_a_device_that_there_cannot_be_is_refused(name, value, words):
    with pytest.raises(NasweaveError, match=words):
        Device.from_json(json.dumps({**asdict(DEVICE), "isa": ["neon"], name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latency_ms", 1e300),
        ("latency_ms", True),
        ("repeats", 1e300),
        ("repeats", -1),
        ("order", 1.5),
        ("spread", float("nan")),
        ("drift", 0),
        ("measured_at", "yesterday"),
        ("energy_mj", "1"),
    ],
)
def test_a_measurement_that_there_cannot_be_is_refused(name, value):
    subject = json.dumps({"architecture": json.loads(NETWORK.to_json())})
    with pytest.raises(NasweaveError, match=rf"measurement\.{name}: expected"):
        Measurement.from_dict({**ROW, "subject": subject, name: value})


@pytest.mark.parametrize("confidence", [float("nan"), 0, 1, 2, "0.95", None])
def test_a_confidence_that_is_none_is_refused(confidence, profile, tmp_path):  # noqa: F811
    header = json.loads(profile.save(tmp_path / "p.json").read_text())
    about = {k: header[k] for k in ("device", "setting", "runtime_version", "space_fingerprint", "created_at")}
    head = {"format": "nasweave.bundle_results", "schema": 1, "bundle": "0" * 16, "session": "0" * 16, "unit": "ms"}
    head |= {**about, "confidence": confidence, "baseline_ms": 0.1, "provenance": {}}
    (tmp_path / "r.jsonl").write_text(json.dumps(head) + "\n")
    with pytest.raises(NasweaveError, match=r"confidence|expected numbers"):
        read_results(tmp_path / "r.jsonl")
