"""How a language model is deployed, prefill and decode, as what a run searches, limits and refuses."""

from __future__ import annotations

import pytest

from runs.pipeline.ahead.phases import check_phases
from search_space import TaskShape
from search_space.errors import ConfigError


def task(*, causal: bool) -> TaskShape:
    head = "language_model" if causal else "pooled"
    sizes = {"input_shape": (16,), "num_outputs": 256, "seq_len": 16, "vocab_size": 256}
    return TaskShape(**sizes, causal=causal, padded=not causal, stem="tokens", head=head)


@pytest.mark.parametrize("name", ["cache_bytes"])
def test_what_only_decoders_have_is_refused_where_nothing_decodes(name):
    check_phases(["validation_error", name], [name], task(causal=True))
    for objectives, limits, key in (([name], [], "search.objectives"), ([], [name], f"budget.{name}")):
        with pytest.raises(ConfigError, match="causal task") as refused:
            check_phases(objectives, limits, task(causal=False))
        assert refused.value.parameter == key and name in str(refused.value) and "\n" not in str(refused.value)
    check_phases(["validation_error", "latency_ms"], ["size_bytes"], task(causal=False))
