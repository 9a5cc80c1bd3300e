"""Profile files: whole or refused, old or new, never mixed."""

import hashlib
import json
import os
from dataclasses import replace

import pandas as pd
import pytest

from hardware_profiles import Device, Measurement, Profile, Setting, subject_from_json, subject_to_json
from hardware_profiles.profile import SCHEMA_VERSION
from search_space import Architecture, Block, Layer
from search_space.errors import ProfileError

DEVICE = Device(
    name="board_2c", cpu_model="Board", cores=2, isa=("neon",), memory_bytes=2**30, os="linux", machine="aarch64"
)
BLOCK = Block(kind="mixer", key="softmax", embed_dim=32, num_heads=2, precision="w8a8")
NETWORK = Architecture(embed_dim=32, layers=(Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=0.1),))


def measurement(subject, order, latency_ms=1 / 3):
    return Measurement(
        subject=subject,
        latency_ms=latency_ms,
        raw_ms=latency_ms * 1.1,
        spread=0.007,
        repeats=31,
        drift=1.1,
        reference_ms=0.2,
        order=order,
        measured_at="2026-11-22T10:00:00.000+00:00",
    )


@pytest.fixture
def profile():
    return Profile(
        device=DEVICE,
        setting=Setting(runtime="onnxruntime", threads=2),
        runtime_version="1.31.1",
        space_fingerprint="0123456789ab",
        created_at="2026-11-22T10:00:01.000+00:00",
        measurements=(measurement(BLOCK, 0), measurement(NETWORK, 1, 2.0)),
        noise_floor=0.012,
    )


def test_round_trip_through_a_folder(profile, tmp_path):
    header = profile.save(tmp_path / "new" / "folder")
    assert header.name == "board_2c_onnxruntime_t2_b1_0123456789ab.json"
    loaded = Profile.load(header)
    assert loaded == profile
    assert loaded.blocks == {BLOCK: profile.measurements[0]}
    assert loaded.networks == [(NETWORK, profile.measurements[1])]


def test_what_is_optional_survives_and_older_files_lack_it(profile, tmp_path):
    full = replace(profile.measurements[0], repeat_ms=0.4, energy_mj=1.5, peak_memory_bytes=4096.0)
    rich = replace(profile, measurements=(full, profile.measurements[1]), provenance={"task": "digits"})
    header = rich.save(tmp_path / "p.json")
    assert Profile.load(header) == rich
    data = json.loads(header.read_text())
    del data["provenance"], data["header_sha256"]
    header.write_text(json.dumps(data))
    assert Profile.load(header) == replace(rich, provenance={})
    data["provenance"] = {"task": 3}
    header.write_text(json.dumps(data))
    with pytest.raises(ProfileError, match=r"provenance\.task"):
        Profile.load(header)
    row = {k: v for k, v in full.to_dict().items() if k not in ("repeat_ms", "energy_mj", "peak_memory_bytes")}
    assert Measurement.from_dict(row) == replace(full, repeat_ms=None, energy_mj=None, peak_memory_bytes=None)


def test_empty_profile_round_trips(profile, tmp_path):
    empty = replace(profile, measurements=())
    assert Profile.load(empty.save(tmp_path / "p.json")) == empty
    assert empty.baseline_ms is None and profile.baseline_ms == pytest.approx(0.2 / 1.1)


def test_a_repeat_round_trips_and_a_table_from_before_repeats_still_loads(profile, tmp_path):
    import pandas as pd

    first, second = profile.measurements
    repeated = replace(profile, measurements=(replace(first, repeat_ms=0.34), second))
    header = repeated.save(tmp_path / "p.json")
    assert Profile.load(header) == repeated
    table = table_of(header)
    pd.read_parquet(table).drop(columns="repeat_ms").to_parquet(table, index=False)
    edit(header, sha256=hashlib.sha256(table.read_bytes()).hexdigest())
    assert Profile.load(header) == profile


def test_saving_again_replaces_the_table(profile, tmp_path):
    header = profile.save(tmp_path / "p.json")
    (tmp_path / "p.2.json").write_text("another's")
    changed = replace(profile, measurements=profile.measurements[:1])
    assert changed.save(header) == header
    assert Profile.load(header) == changed
    assert sorted(f.suffix for f in tmp_path.iterdir()) == [".json", ".json", ".parquet"]


@pytest.mark.parametrize("fails_at", [1, 2])
def test_crash_while_saving_leaves_the_old_profile(profile, tmp_path, monkeypatch, fails_at):
    header = profile.save(tmp_path / "p.json")
    replace_file, calls = os.replace, []

    def crash(source, target):
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError("disk is gone")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk is gone"):
        replace(profile, measurements=profile.measurements[:1]).save(header)
    monkeypatch.undo()
    assert Profile.load(header) == profile
    assert not [f for f in tmp_path.iterdir() if f.suffix == ".tmp"]


def table_of(header):
    return header.with_name(json.loads(header.read_text())["table"])


def edit(header, **changes):
    """Change a header as somebody would who makes a profile: one of an earlier version has no hash of itself."""
    data = {**json.loads(header.read_text()), **changes}
    data.pop("header_sha256", None)
    header.write_text(json.dumps(data))


def truncate_table(header):
    table = table_of(header)
    table.write_bytes(table.read_bytes()[:-10])


def flip_bit(header):
    table = table_of(header)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(bytes(content))


def not_parquet(header):
    table_of(header).write_bytes(b"hello")
    edit(header, sha256=hashlib.sha256(b"hello").hexdigest())


def drop_key(header):
    data = json.loads(header.read_text())
    del data["runtime_version"]
    header.write_text(json.dumps(data))


def other_device(header):
    data = json.loads(header.read_text())
    edit(header, device={**data["device"], "cores": 64})


DAMAGES = {
    "truncated header": lambda h: h.write_text(h.read_text()[:40]),
    "no header": lambda h: h.unlink(),
    "foreign json": lambda h: h.write_text('{"a": 1}'),
    "json list": lambda h: h.write_text("[]"),
    "newer schema": lambda h: edit(h, schema=SCHEMA_VERSION + 1),
    "truncated table": truncate_table,
    "flipped bit": flip_bit,
    "no table": lambda h: table_of(h).unlink(),
    "no parquet": not_parquet,
    "missing key": drop_key,
    "wrong type": lambda h: edit(h, noise_floor="much"),
    "wrong count": lambda h: edit(h, count=3),
    "edited device": other_device,
    "table elsewhere": lambda h: edit(h, table="../table.parquet"),
    "unknown setting": lambda h: edit(h, setting={"runtime": "torch", "speed": 1}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_profiles_are_refused_in_one_line(profile, tmp_path, damage):
    header = profile.save(tmp_path / "p.json")
    DAMAGES[damage](header)
    with pytest.raises(ProfileError) as error:
        Profile.load(header)
    assert "\n" not in str(error.value) and "p.json" in str(error.value)


@pytest.mark.parametrize("column", ["repeat_ms", "energy_mj", "peak_memory_bytes"])
def test_a_zero_in_a_table_is_refused_and_not_taken_for_nothing(profile, tmp_path, column):
    header = profile.save(tmp_path / "p.json")
    table = table_of(header)
    pd.read_parquet(table).assign(**{column: 0.0}).to_parquet(table, index=False)
    edit(header, sha256=hashlib.sha256(table.read_bytes()).hexdigest())
    with pytest.raises(ProfileError, match=rf"measurement\.{column}: .* got 0\.0"):
        Profile.load(header)


def test_matching_is_checked_and_the_difference_shown(profile):
    profile.check_matches()
    profile.check_matches(
        device=replace(DEVICE, name="renamed"),
        setting=profile.setting,
        space_fingerprint="0123456789ab",
        runtime_version="1.31.1",
    )
    for wrong, words in (
        ({"device": replace(DEVICE, cores=4)}, "cores 2 against 4"),
        ({"setting": replace(profile.setting, threads=1)}, "2 thread"),
        ({"space_fingerprint": "x"}, "0123456789ab"),
        ({"runtime_version": "1.32"}, "1.31.1"),
    ):
        with pytest.raises(ProfileError, match=words):
            profile.check_matches(**wrong)


@pytest.mark.parametrize("subject", [BLOCK, NETWORK])
def test_measurements_survive_json(subject):
    original = measurement(subject, 7)
    assert Measurement.from_dict(json.loads(json.dumps(original.to_dict()))) == original
    assert subject_from_json(subject_to_json(subject)) == subject


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_latencies_are_no_measurements(value):
    with pytest.raises(ProfileError, match="positive finite"):
        measurement(BLOCK, 0, value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_repeats_are_refused(value):
    with pytest.raises(ProfileError, match="repeat_ms"):
        replace(measurement(BLOCK, 0), repeat_ms=value)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"block": {"kind": "mixer"}}', '{"architecture": {}}', '{"other": {}}', "3"]
)
def test_foreign_subjects_are_refused(text):
    with pytest.raises(ProfileError, match="subject"):
        subject_from_json(text)


def test_measurement_without_a_field_is_refused():
    data = measurement(BLOCK, 0).to_dict()
    del data["drift"]
    with pytest.raises(ProfileError, match="drift"):
        Measurement.from_dict(data)


def test_predicted_entries_survive_and_are_told_apart(profile, tmp_path):
    measured, other = profile.measurements[0], profile.measurements[-1]
    assert "predicted_std" not in measured.to_dict(), "files and hashes of what was measured stay as they were"
    mixed = replace(profile, measurements=(measured, replace(other, predicted_std=0.2, repeats=0)))
    header = mixed.save(tmp_path / "mixed.json")
    assert json.loads(header.read_text())["schema"] == SCHEMA_VERSION
    assert json.loads(profile.save(tmp_path / "plain.json").read_text())["schema"] == 1
    for read in (Profile.load(header), Profile.from_dict(mixed.to_dict(), where="here")):
        assert read == mixed and read.measured == (measured,)


@pytest.mark.parametrize("field", ["runtime_version", "space_fingerprint"])
@pytest.mark.parametrize("text", ["../x", "a/b", "/x", "", "a b", "-x"])
def test_what_becomes_a_file_name_is_a_plain_word(profile, field, text):
    with pytest.raises(ProfileError, match=rf"profile\.{field}: expected letters"):
        replace(profile, **{field: text})
