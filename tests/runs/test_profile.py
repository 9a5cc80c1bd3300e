"""The verb profile: a time budget, a bundle for another device, its results, and a search for a device elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hardware_profiles import RUNTIMES, Profile, this_device
from hardware_profiles.devices import locate, shipped
from hardware_profiles.portable.bundle_runner import measure_bundle
from search_space.errors import ProfileError
from tests.runs.tiny import nasweave

SMALL = (
    "space.embed_dim=[16]",
    "space.depth=[1,2]",
    "space.head_dim=8",
    "space.mixer=[softmax]",
    "space.num_heads=[1]",
    "space.channel_mixer=[mlp,identity]",
    "space.ratio=[1]",
    "space.precision=[float,w8a8]",
    "space.options={}",
    "profile.time_budget=null",
    "profile.networks=3",
    "profile.max_seconds=0.02",
)
SEARCH = (
    "search=nasweave",
    "training.steps=6",
    "training.batch_size=16",
    "training.warmup_steps=2",
    "search.n_trials=5",
    "baselines.random=2",
    "baselines.uniform=2",
    "finalists=2",
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Return a folder with a profile of this machine, a bundle of the same space, and that bundle's results."""
    folder = tmp_path_factory.mktemp("profile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert nasweave(patch, "profile", "name=whole", *SMALL) == 0
        assert nasweave(patch, "profile", "name=other", "bundle=b", *SMALL) == 0
    measure_bundle(
        folder / "b",
        folder / "results.jsonl",
        open_model=RUNTIMES["onnxruntime"].open_model,
        time_budget_s=None,
        say=lambda line: None,
    )
    return folder


def profiles(folder: Path) -> list[Path]:
    return sorted((folder / "outputs" / "profiles").glob("*.json"))


def test_the_profile_says_how_it_came_about(measured):
    profile = Profile.load(profiles(measured)[0])
    assert len(profile.networks) == 3 and {b.kind for b in profile.blocks} == {"stem", "mixer", "channel_mixer", "head"}
    assert profile.provenance["task"] == "digits" and profile.provenance["energy"]
    assert profile.provenance["space"] == "vit_tiny" and float(profile.provenance["load before"]) >= 0


def test_a_small_budget_measures_something_and_a_spent_one_repeats_nothing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "profile", *SMALL, "time_budget=0.05s") == 0
    (file,) = profiles(tmp_path)
    first = Profile.load(file)
    assert 1 <= len(first.measurements) < 9
    assert nasweave(monkeypatch, "profile", *SMALL, "name=again", "time_budget=0.0001s") == 0
    assert Profile.load(file).measurements == first.measurements


@pytest.mark.parametrize("budget", ["5x", "0", "-3m", "m"])
def test_a_budget_that_is_no_duration_is_refused(budget, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "profile", *SMALL, f"time_budget={budget}") == 2
    assert "expected a duration such as 90s, 5m or 1h" in capfd.readouterr().err.splitlines()[-1]


def test_results_are_imported_once(measured, monkeypatch, capfd):
    monkeypatch.chdir(measured)
    before = profiles(measured)
    assert nasweave(monkeypatch, "profile", "import=results.jsonl", *SMALL) == 0
    (new,) = set(profiles(measured)) - set(before)
    profile = Profile.load(new)
    models = json.loads((measured / "b" / "bundle.json").read_text())["models"]
    assert len(profile.measurements) == len(models) and len(profile.networks) == 3
    assert nasweave(monkeypatch, "profile", "import=results.jsonl", *SMALL) == 2
    assert "imported before" in capfd.readouterr().err.splitlines()[-1]
    assert set(profiles(measured)) == {*before, new}


def test_results_of_another_space_or_unit_are_refused_with_the_difference(measured, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(measured)
    assert nasweave(monkeypatch, "profile", "import=results.jsonl", *SMALL, "space.ratio=[2]") == 2
    assert "space_fingerprint" in capfd.readouterr().err.splitlines()[-1]
    assert nasweave(monkeypatch, "profile", "import=results.jsonl", *SMALL, "hardware.threads=2") == 2
    assert "2 thread(s)" in capfd.readouterr().err.splitlines()[-1]
    rows = [json.loads(line) for line in (measured / "results.jsonl").read_text().splitlines()]
    for factor in (1e3, 1e-3):
        wrong = tmp_path / "wrong.jsonl"
        times = ("latency_ms", "raw_ms")
        changed = [rows[0], *({**row, **{name: row[name] * factor for name in times}} for row in rows[1:])]
        wrong.write_text("".join(json.dumps(row) + "\n" for row in changed))
        assert nasweave(monkeypatch, "profile", f"import={wrong}", *SMALL) == 2
        assert "unit" in capfd.readouterr().err.splitlines()[-1]


def test_a_search_for_a_device_elsewhere_is_predicted_only(measured, monkeypatch):
    monkeypatch.chdir(measured)
    here = Profile.load(profiles(measured)[0])
    board = replace(here, device=replace(here.device, name="board_4c", cpu_model="Board", cores=4))
    board.save(measured / "board.json")
    given = ("name=elsewhere", "profile.path=board.json", *SMALL, *SEARCH)
    assert nasweave(monkeypatch, "report", *given) == 0
    report = measured / "outputs" / "digits" / "elsewhere" / "report"
    assert "predicted only" in (report / "report.md").read_text()
    assert "predicted only" in (report / "index.html").read_text()


def test_a_worker_on_the_device_leaves_its_profile_in_the_database(measured, monkeypatch, capfd):
    monkeypatch.chdir(measured)
    store = "store=sqlite+journal:///outputs/shared.db"
    here = this_device()
    with pytest.MonkeyPatch.context() as board:
        board.setattr("runs.pipeline.context.this_device", lambda **_: replace(here, cpu_model="A board", cores=4))
        assert nasweave(board, "worker", "role=profile", "name=board", store, *SMALL) == 0
        assert nasweave(board, "worker", "role=profile", "name=file", *SMALL) == 2
    assert "expected a database that the searching machine reaches" in capfd.readouterr().err.splitlines()[-1]
    found = ("name=for_board", "profile.path=run:board", store, *SMALL, *SEARCH)
    assert nasweave(monkeypatch, "report", *found) == 0
    folder = measured / "outputs" / "digits" / "for_board"
    assert "predicted only" in (folder / "report" / "report.md").read_text()
    taken = Profile.load(folder / "profile.json")
    assert taken.device.cpu_model == "A board" and len(taken.networks) == 3 and taken.blocks
    without = ("name=third", "profile.path=run:for_board", store, *SMALL, *SEARCH)
    assert nasweave(monkeypatch, "search", *without) == 2
    assert "nasweave worker role=profile name=for_board" in capfd.readouterr().err.splitlines()[-1]


def test_a_shipped_profile_is_found_by_its_name(measured, monkeypatch, tmp_path):
    mine = tmp_path / "shop"
    mine.mkdir()
    (mine / "__init__.py").write_text("")
    here = Profile.load(profiles(measured)[0])
    here.save(mine / "my_board.json")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = type("Entry", (), {"value": "shop"})()
    monkeypatch.setattr("hardware_profiles.devices.entry_points", lambda group: [entry])
    assert shipped()["my_board"] == mine / "my_board.json"
    assert Profile.load(locate("my_board", folder=tmp_path)) == here
    with pytest.raises(ProfileError, match=r"my_board.*got 'phone'"):
        locate("phone", folder=tmp_path)


def test_a_search_for_a_shipped_device_from_another_machine_is_predicted_only(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    name = next(n for n in shipped() if n.endswith("_onnxruntime_t1_vit_tiny"))
    here = this_device()
    monkeypatch.setattr("runs.pipeline.context.this_device", lambda **_: replace(here, cpu_model="A laptop", cores=8))
    short = (
        "search=nasweave",
        "training.steps=5",
        "search.n_trials=8",
        "baselines.random=2",
        "baselines.uniform=2",
        "finalists=2",
    )
    assert nasweave(monkeypatch, "report", f"profile.path={name}", *short) == 0
    folder = tmp_path / "outputs" / "digits" / "default"
    assert "predicted only" in (folder / "report" / "report.md").read_text()
    assert Profile.load(folder / "profile.json").device.name == name.partition("_onnxruntime")[0]
    assert not profiles(tmp_path), "nothing was measured"
