"""What every shipped profile must keep."""

import re

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from hardware_profiles import RUNTIMES, Profile
from hardware_profiles.devices import shipped
from hardware_profiles.profile_file import read_header
from predictors import LatencyPredictor
from search_space import space_from_mapping
from supernet import catalogue
from supernet.tasks import TASKS

each = pytest.mark.parametrize("name", shipped())


def space_of(profile):
    """Return the space that the profile's provenance names, as the configuration has it today."""
    told = profile.provenance
    with initialize_config_module("hydra_conf", version_base="1.3"):
        overrides = [
            f"task={told['task']}",
            f"hardware={profile.setting.runtime}",
            f"space={told['space']}",
        ]
        config = OmegaConf.to_container(compose("config", overrides), resolve=True)
    options = {k: v for k, v in config["task"]["options"].items() if v is not None}
    data = TASKS[config["task"]["name"]].load(data_root=config["data_root"], options=options)
    return space_from_mapping(config["space"], task=data.shape, catalogue=catalogue())


@each
def test_it_loads_and_says_where_it_comes_from(name):
    profile = Profile.load(shipped()[name])
    told = profile.provenance
    assert {"task", "space", "nasweave", "python", "system", "numpy", "energy"} <= set(told)
    assert re.match(r"\d{4}-\d\d-\d\dT", profile.created_at)
    assert RUNTIMES[profile.setting.runtime].name == profile.setting.runtime
    assert name == f"{profile.device.name}_{profile.setting.runtime}_t{profile.setting.threads}_{told['space']}"
    assert 0 < profile.noise_floor < 0.1
    assert any(m.repeat_ms is not None for m in profile.measurements)
    assert "/" not in "".join(told.values()), "no paths of the machine it was made on"


@each
def test_it_is_of_the_space_of_today_and_predicts_it(name):
    profile = Profile.load(shipped()[name])
    if profile.provenance["task"] != "digits":
        pytest.skip("its task needs data that is not here")
    space = space_of(profile)
    assert profile.space_fingerprint == space.fingerprint, "a block's version was raised: measure it again"
    predictor = LatencyPredictor(space).fit(profile)
    assert predictor.residual_.networks >= 10 and predictor.residual_.median_relative_error < 0.15


def test_shipped_profiles_are_unique_and_whole():
    headers = list(shipped().values())
    assert len({h.name for h in headers}) == len(headers)
    for header in headers:
        assert list(header.parent.glob(f"{header.stem}.*.parquet")), header.name
        assert "header_sha256" in read_header(header), header.name
