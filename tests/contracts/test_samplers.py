"""Every sampler of the registry passes the checks that plug-ins are given, with and without settings of its own."""

from __future__ import annotations

import pytest

from runs.search import SAMPLERS
from runs.search.testing import MakeSampler, SamplerTestCase, of_registry


class TestSamplers(SamplerTestCase):
    @pytest.fixture(params=list(SAMPLERS))
    def make(self, request: pytest.FixtureRequest) -> MakeSampler:
        return of_registry(request.param)
