"""How a language model is deployed, prefill and decode, as what a run measures, predicts, limits and refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES, Measurand, Setting, this_device
from predictors import CostModel
from runs.objectives import Budget, as_measured, exact_costs, objectives_by_name
from runs.pipeline.ahead.phases import check_lengths, check_phases
from runs.pipeline.config import HardwareConfig
from runs.pipeline.stages.search import search_identity
from runs.pipeline.stages.trained.purchases import untrained_costs
from runs.profiling.builder import Builder
from runs.profiling.devices import Devices
from runs.profiling.target import Target
from search_space import Architecture, Layer, TaskShape, declaration_of, space_from_mapping
from search_space.errors import ConfigError, NasweaveError, RuntimeUnavailableError
from supernet import Network, catalogue
from supernet.elastic import reset_parameters
from tests.predictors import synthetic

LENGTH = 16


def task(*, causal: bool = True) -> TaskShape:
    head = "language_model" if causal else "pooled"
    sizes = {"input_shape": (LENGTH,), "num_outputs": 40, "seq_len": LENGTH, "vocab_size": 40}
    return TaskShape(**sizes, causal=causal, padded=not causal, stem="tokens", head=head)


@pytest.fixture(scope="module")
def space():
    declared = {
        "name": "text",
        "embed_dim": [16],
        "depth": [1, 2],
        "head_dim": 8,
        "mixer": ["softmax", "gated_short_conv"],
        "num_heads": [1, 2],
        "channel_mixer": ["mlp"],
        "ratio": [1],
        "precision": ["float", "w8a8"],
    }
    return space_from_mapping(declared, task=task(), catalogue=catalogue())


def asked(*objectives: str, limits: tuple[str, ...] = (), runtime: str = "onnxruntime", **lengths: int):
    return SimpleNamespace(
        search=SimpleNamespace(objectives=objectives),
        limits=Budget(limits=dict.fromkeys(limits, 1.0)),
        hardware=HardwareConfig(runtime=runtime, threads=1, batch_size=1, **lengths),
    )


@pytest.mark.parametrize(
    ("config", "causal", "key", "words"),
    [
        (asked("validation_error", "cache_bytes"), False, "search.objectives", "causal task"),
        (asked("validation_error", "tokens_per_s"), False, "search.objectives", "causal task"),
        (asked("validation_error", limits=("decode_ms",)), False, "budget.decode_ms", "causal task"),
        (asked("validation_error", prompt_tokens=8), False, "hardware.prompt_tokens", "causal task"),
        (asked("validation_error", "decode_ms", runtime="openvino"), True, "search.objectives", "onnxruntime"),
        (asked("validation_error", prompt_tokens=LENGTH + 1), True, "hardware.prompt_tokens", "at most 16"),
        (asked("validation_error", cache_tokens=10**6), True, "hardware.cache_tokens", "at most 16"),
    ],
)
def test_a_phase_that_there_is_not_is_refused_in_one_line(config, causal, key, words):
    with pytest.raises(ConfigError, match=words) as refused:
        check_phases(config, task(causal=causal))
    assert refused.value.parameter == key and "\n" not in str(refused.value)


def test_what_there_is_is_accepted(space):
    check_phases(asked("validation_error", "decode_ms", limits=("cache_bytes",), cache_tokens=LENGTH), task())
    check_phases(asked("validation_error", "ttft_ms", runtime="openvino"), task())
    check_phases(asked("validation_error", "latency_ms"), task(causal=False))
    check_lengths(asked(prompt_tokens=8).hardware, space)
    with pytest.raises(NasweaveError, match="maximised"):
        Budget(limits={"tokens_per_s": 10.0})


def test_other_runtimes_say_that_they_run_no_step(space):
    build = Builder(space, setting=Setting(runtime="onnxruntime", phase="decode"))
    with pytest.raises(RuntimeUnavailableError, match="hardware=onnxruntime"):
        build(space.blocks[0]).prepared(RUNTIMES["torch"])


NETWORK = Architecture(
    embed_dim=16,
    layers=tuple(
        Layer(mixer=key, num_heads=heads, channel_mixer="mlp", ratio=1.0)
        for key, heads in (("softmax", 2), ("gated_short_conv", 0))
    ),
)


def test_a_step_is_built_with_room_for_the_cache_and_runs_as_the_network(space):
    room, batch = 5, 3
    whole = Network(NETWORK, space.geometry, simulate_precision=False).eval()
    reset_parameters(whole, torch.Generator().manual_seed(1))
    setting = Setting(runtime="onnxruntime", batch_size=batch, phase="decode", tokens=room)
    built = Builder(space, setting=setting, networks=lambda architecture: whole)(NETWORK)
    assert built.example["state.0.0"].shape == (batch, 2, room, 8) and built.example["batch"].shape == (batch, 1)
    step = built.prepared(RUNTIMES["onnxruntime"]).compile(policy=built.policy, threads=1)
    ids = torch.randint(1, 40, (batch, room), generator=torch.Generator().manual_seed(2))
    padded = torch.nn.functional.pad(ids, (0, LENGTH - room))
    feed = {name: tensor.numpy() for name, tensor in built.example.items()}
    states = [name for name in feed if name.startswith("state.")]
    with torch.no_grad():
        expected = whole(padded)[:, :room].numpy()
    for position in range(room):
        feed |= {"batch": ids[:, position : position + 1].numpy(), "position": np.array(position)}
        scores, *after = step.run(feed)
        np.testing.assert_allclose(scores, expected[:, position : position + 1], rtol=1e-4, atol=1e-5)
        feed |= dict(zip(states, after, strict=True))
    bytes_ = sum(feed[name].nbytes for name in states)
    costs = CostModel(space, sequences=batch, cache_tokens=room)
    assert costs.cache_bytes(space.encode([NETWORK])).tolist() == [bytes_]


def test_measurements_of_phases_have_names_and_files_of_their_own(space):
    device, runtime = this_device(), RUNTIMES["onnxruntime"]
    settings = [Setting(runtime="onnxruntime", **told) for told in ({}, {"tokens": 8}, {"phase": "decode"})]
    keys = [Target(space=space, device=device, runtime=runtime, setting=s).key for s in settings]
    assert [key.removeprefix(keys[0]) for key in keys] == ["", "-prompt8", "-decode"]
    assert [len(s.to_mapping()) for s in settings] == [3, 4, 4]
    assert all(Setting(**s.to_mapping()) == s for s in settings)


def profile_of(space, *, seed: int):
    made = synthetic.profile(space, networks=12, seed=seed, noise=0.02)
    return SimpleNamespace(blocks=made.blocks, networks=made.networks, holds=lambda m: m is Measurand.LATENCY)


def test_the_step_is_predicted_like_other_latencies(space):
    profiles = {None: profile_of(space, seed=0)}
    decode = profile_of(space, seed=1)
    known = Devices.fit(profiles, space=space, exact=CostModel(space, sequences=2), decode=decode)
    genes = space.sample_genes(np.random.default_rng(0), 20)
    costs, deviations = known.costs(genes), known.deviations(genes)
    assert np.allclose(costs["tokens_per_s"], 2000 / costs["decode_ms"])
    assert np.array_equal(costs["ttft_ms"], costs["latency_ms"])
    relative = deviations["tokens_per_s"] / costs["tokens_per_s"]
    assert np.allclose(relative, deviations["decode_ms"] / costs["decode_ms"])
    told = known.predicted(space.largest)
    assert told["decode_low_ms"] < told["decode_ms"] < told["decode_high_ms"]
    without = Devices.fit(profiles, space=space, exact=CostModel(space))
    assert "decode_ms" not in without.costs(genes) and without.decode_fingerprint is None


def test_a_search_does_not_go_on_with_caches_of_another_length():
    known = SimpleNamespace(fingerprints={}, fingerprint="a", decode_fingerprint=None)

    def identity(**lengths: int) -> dict[str, str]:
        config = asked("validation_error", "cache_bytes", **lengths)
        config.search.method = "fidelities"
        return search_identity(SimpleNamespace(config=config, budget=config.limits, weights_fingerprint="b"), known)

    assert identity(cache_tokens=8)["cache"] == "room for 8 tokens"
    assert identity(cache_tokens=8) != identity(cache_tokens=16) and "cache" not in identity()


def test_a_network_that_remembers_nothing_has_a_cost_of_which_there_is_a_logarithm(space):
    declared = {**declaration_of(space), "mixer": ["softmax", "identity"]}
    idle = space_from_mapping(declared, task=task(), catalogue=catalogue())
    layers = (Layer(mixer="identity", channel_mixer="mlp", ratio=1.0), *NETWORK.layers[:1])
    genes = idle.encode([Architecture(embed_dim=16, layers=(layer,)) for layer in layers])
    exact = CostModel(idle, sequences=2)
    known = SimpleNamespace(exact=exact, costs=lambda rows: exact_costs(exact, rows))
    least = 2 * 4 * 2 * LENGTH * 8  # keys and values of one head, of two sequences
    assert exact.cache_bytes(genes).tolist() == [0, 2 * least] and exact.least_cache_bytes == least
    objectives = objectives_by_name(("validation_error", "cache_bytes"))
    assert untrained_costs(known, objectives)(genes).tolist() == [[least], [2 * least]]


def test_what_was_measured_replaces_what_is_read_of_it():
    values = {"latency_ms": 4.0, "ttft_ms": 4.0, "decode_ms": 0.5, "tokens_per_s": 2000.0, "size_bytes": 7.0}
    found = as_measured(values, {"latency_ms": 5.0, "decode_ms": 1.0, "test_error": 3.0})
    assert found == {"latency_ms": 5.0, "ttft_ms": 5.0, "decode_ms": 1.0, "tokens_per_s": 1000.0, "size_bytes": 7.0}
