"""``nasweave profile adapt=``: a new device from some samples of it and another device's profile."""

from __future__ import annotations

import pytest

from hardware_profiles import Profile
from search_space import Architecture
from tests.runs.devices import other_device
from tests.runs.tiny import TINY, nasweave

# On PyTorch, which needs no export.
SPACE = [w for w in TINY if w.startswith("space.") and "precision" not in w] + [
    "hardware=torch",
    "space.precision=[float]",
]


def test_a_few_samples_and_a_known_profile_make_a_whole_one(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    quick = [*SPACE, "profile.max_seconds=0.03", "profile.time_budget=null"]
    assert nasweave(monkeypatch, "profile", "name=known", "profile.networks=12", *quick) == 0
    (own,) = tmp_path.glob("outputs/digits/known/profile.json")
    phone = other_device(own, tmp_path / "phone.json")
    for measured in tmp_path.glob("outputs/**/*.db"):
        measured.unlink()  # this machine shall be new to the next command
    capfd.readouterr()

    assert nasweave(monkeypatch, "profile", "name=new", f"adapt={tmp_path / 'phone.json'}", "samples=16", *quick) == 0
    said = " ".join("".join(capfd.readouterr()).split())
    assert "4 blocks and 12 networks measured on" in said and "blocks predicted from phone" in said
    profile = Profile.load(tmp_path / "outputs/digits/new/profile.json")
    assert len(profile.measured) == 16 and len(profile.blocks) == len(phone.blocks)
    assert sum(isinstance(m.subject, Architecture) for m in profile.measured) == 12
    assert profile.provenance["adapted from"] == phone.name
    assert all(m.predicted_std > 0 for m in profile.measurements if m not in profile.measured)
    (file,) = tmp_path.glob("outputs/profiles/*-adapted.json")
    assert Profile.load(file) == profile

    for words, says in (
        (["name=new", f"adapt={own}"], "expected the profile that this run began with"),
        (["name=known", f"adapt={tmp_path / 'phone.json'}"], "expected the profile that this run began with"),
        (["name=third", f"adapt={own}"], "expected a profile of another device, runtime or number of threads"),
        (["name=third", f"adapt={file}", "hardware.threads=2"], f"itself predicted from {phone.name}"),
    ):
        capfd.readouterr()
        assert nasweave(monkeypatch, "profile", *words, *quick) == 2
        (line,) = (line for line in capfd.readouterr().err.splitlines() if "profile.adapt" in line)
        assert says in line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["adapt=missing.json"], "profile.adapt: expected"),
        (["adapt=amd_epyc_2c_torch_t2_vit_tiny"], "profile.space_fingerprint"),
        (["samples=0"], "profile.samples: expected 1 or more"),
        (["adapt=a", "profile.path=b"], "profile.adapt: expected none beside profile.path"),
    ],
)
def test_what_cannot_be_adapted_is_said_in_one_line(tmp_path, monkeypatch, capfd, words, says):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "profile", "name=new", *words, *SPACE) == 2
    assert says in capfd.readouterr().err
