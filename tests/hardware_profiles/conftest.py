import pytest


@pytest.fixture
def subjects_travel_in_the_policy(monkeypatch):
    """The fake machine tells its subjects apart by the policy, which its runtime does not check."""
    monkeypatch.setattr("hardware_profiles.runtime.check_policy", lambda runtime, policy, **_: None)
