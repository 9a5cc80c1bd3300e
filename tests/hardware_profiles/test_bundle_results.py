"""Results of a bundle: continued after an interruption, and refused where they are of another kind or make no sense."""

import json

import pytest

from hardware_profiles import this_device
from hardware_profiles.portable.bundle_results import read_results
from hardware_profiles.portable.bundle_runner import measure_bundle
from search_space.errors import ProfileError
from tests.hardware_profiles.bundles import OPEN


def test_an_interrupted_measurement_continues(bundle, tmp_path):
    results = tmp_path / "r.jsonl"

    class Stop(Exception):
        pass

    def say(line):
        if line.startswith("2/"):
            raise Stop

    with pytest.raises(Stop):
        measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=say)
    before = results.read_text()
    assert len(before.splitlines()) == 3
    with results.open("a") as file:
        file.write('{"name": "cut by a cra')
    assert measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=lambda line: None) == 6
    assert results.read_text().startswith(before)
    profile = read_results(results)
    assert [m.order for m in profile.measurements] == list(range(6))
    assert len({round(m.baseline_ms, 9) for m in profile.measurements}) == 1


def test_what_a_crash_left_of_the_first_line_is_begun_again_and_no_other_file_is_touched(bundle, tmp_path):
    def measured(path):
        return measure_bundle(bundle, path, open_model=OPEN, time_budget_s=1e-9, say=lambda line: None)

    results, notes = tmp_path / "r.jsonl", tmp_path / "notes.txt"
    assert measured(results) == 0
    head = results.read_text()
    for length in (0, 5, 100):
        results.write_text(head[:length])
        assert measured(results) == 0 and results.read_text().count("\n") == 1
    other = json.dumps(json.loads(head) | {"bundle": "0" * 16}) + "\n"
    for text in ("of one line", '{"a": 1}', '{"a": 1}\n{"b": 2', other + "{"):
        notes.write_text(text)
        with pytest.raises(ProfileError, match=r"write to another --results"):
            measured(notes)
        assert notes.read_text() == text


def test_a_time_budget_ends_early(bundle, tmp_path):
    class Clock:
        now = 0.0

        def __call__(self):
            self.now += 0.0005
            return self.now

    results = tmp_path / "r.jsonl"
    count = measure_bundle(
        bundle,
        results,
        open_model=OPEN,
        time_budget_s=0.15,
        say=lambda line: None,
        clock=Clock(),
    )
    assert 1 <= count < 6
    assert len(results.read_text().splitlines()) == 1 + count


def test_results_of_another_device_or_bundle_are_not_continued(bundle, tmp_path):
    results = tmp_path / "r.jsonl"
    measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=lambda line: None)
    head, *rows = results.read_text().splitlines()
    for what, wrong in (
        ("bundle of r.jsonl", json.loads(head) | {"bundle": "0" * 16}),
        ("runtime version", json.loads(head) | {"runtime_version": "0.1+g1"}),
        ("cores", json.loads(head) | {"device": json.loads(head)["device"] | {"cores": 99}}),
    ):
        results.write_text("\n".join([json.dumps(wrong), *rows]) + "\n")
        with pytest.raises(ProfileError, match=what):
            measure_bundle(
                bundle,
                results,
                open_model=OPEN,
                time_budget_s=None,
                say=lambda line: None,
            )


ESCAPES = ("x/../../../A", "/tmp/A", "..", "a\\b", "a\0b", "", "a\nb", ["a"], "x" * 200)


def named(name):
    def change(rows, text):
        rows[0]["device"]["name"] = text

    return change if name == "device.name" else lambda rows, text: rows[0].update({name: text})


def edit(position, **changes):
    def change(rows):
        rows[position].update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit(0, unit="us"), "times in 'us'"),
        (edit(0, format="other"), "another kind"),
        (edit(0, schema=2), "schema 2"),
        (edit(1, latency_ms=-1.0), "latency_ms"),
        (edit(2, raw_ms=0.0), "raw_ms"),
        (edit(3, subject="{}"), "subject"),
        (edit(2, drift=2.5), "references differ"),
        (lambda rows: rows.append(dict(rows[1])), "two lines"),
        (lambda rows: rows.__delitem__(slice(1, None)), "no measurements"),
        (lambda rows: rows[0].pop("device"), "device"),
        (lambda rows: rows.clear(), "another kind"),
        *(
            (lambda rows, name=name, text=text: named(name)(rows, text), "expected")
            for name in ("session", "bundle", "runtime_version", "space_fingerprint", "device.name")
            for text in ESCAPES
        ),
        *((lambda rows, t=text: rows[0]["setting"].update(runtime=t), "expected") for text in ESCAPES),
    ],
)
def test_results_of_no_sense_are_refused_in_one_line(bundle, exported, tmp_path, change, words):
    results = tmp_path / "r.jsonl"
    head = {
        "format": "nasweave.bundle_results",
        "schema": 1,
        "bundle": exported[1],
        "session": "0" * 16,
        "unit": "ms",
        "device": json.loads(this_device().to_json()),
        "setting": {"runtime": "onnxruntime", "threads": 1, "batch_size": 1},
        "runtime_version": "1.0+g1",
        "space_fingerprint": "x",
        "confidence": 0.95,
        "baseline_ms": 0.1,
        "created_at": "2026-11-22T10:00:00+00:00",
        "provenance": {},
    }
    reading = {"latency_ms": 1.0, "raw_ms": 1.0, "spread": 0.01, "repeats": 9, "drift": 1.0, "reference_ms": 0.1}
    models = json.loads((bundle / "bundle.json").read_text())["models"]
    rows = [head]
    for i, entry in enumerate(models[:4]):
        stamp = {"order": i, "measured_at": "2026-11-22T10:00:00+00:00"}
        rows.append({"name": entry["name"], "subject": entry["subject"], **reading, **stamp})
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(read_results(results).measurements) == 4
    change(rows)
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ProfileError, match=words) as error:
        read_results(results)
    assert "\n" not in str(error.value)
