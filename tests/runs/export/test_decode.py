"""The decode step as a file: the loop over it is the network on all tokens, and it writes text without torch."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import torch

from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.exported_folder import fresh_command
from runs.export import Subject
from runs.export.formats.decode import DecodeFormat
from runs.export.fresh import decode_fresh
from runs.export.generate import Decoder, generate
from search_space import Architecture, Geometry, Layer, TaskShape
from supernet import Network
from supernet.blocks import deployed
from supernet.catalogue import MIXERS
from supernet.elastic import reset_parameters

LENGTH = 24
CAUSAL = [key for key, mixer in MIXERS.items() if mixer.spec.causal]


def subject_of(precision: str, *, causal: bool = True, table: str = "float") -> Subject:
    task = TaskShape(
        input_shape=(LENGTH,),
        num_outputs=256,
        seq_len=LENGTH,
        causal=causal,
        vocab_size=256,
        stem="tokens",
        head="language_model" if causal else "pooled",
    )
    layers = tuple(
        Layer(
            mixer=key,
            num_heads=2 if MIXERS[key].spec.has_heads else 0,
            channel_mixer="mlp",
            ratio=1.0,
            mixer_precision=precision if MIXERS[key].spec.has_linears else "float",
            channel_precision=precision,
        )
        for key in (CAUSAL if causal and table == "float" else ["softmax"])
    )
    architecture = Architecture(embed_dim=32, layers=layers)
    geometry = Geometry(task=task, head_dim=16, options={"tokens": {"table": table}, "softmax": {"cache": table}})
    networks = [Network(architecture, geometry, simulate_precision=simulate) for simulate in (True, False)]
    reset_parameters(networks[0], torch.Generator().manual_seed(0))
    networks[1].load_state_dict(networks[0].state_dict())
    example = torch.randint(256, (1, LENGTH), generator=torch.Generator().manual_seed(1))
    simulated, in_float = (deployed(network.eval()) for network in networks)
    return Subject(simulated=simulated, in_float=in_float, example=example)


CASES = [(p, "float") for p in ("float", "w8a8", "w8a8_2of4", "w4a8c")] + [("float", "int8"), ("w8a8", "int8")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def exported(request, tmp_path_factory):
    precision, table = request.param
    subject, folder = subject_of(precision, table=table), tmp_path_factory.mktemp("decode")
    DecodeFormat().write(subject, folder)
    return precision, subject, folder


def test_the_loop_over_the_file_is_the_network(exported):
    precision, subject, folder = exported
    rows = 3 if precision == "float" else 1  # the runtime's integer ranges are shared by a batch
    ids = torch.randint(256, (rows, LENGTH), generator=torch.Generator().manual_seed(2))
    outputs = DecodeFormat().load(folder)(ids.numpy())
    with torch.inference_mode():
        whole, steps = subject.simulated(ids).numpy(), DecodeFormat().right(subject)[0](ids).numpy()
    expected = whole if precision == "float" else steps
    assert np.linalg.norm(outputs - expected) <= (1e-5 if precision == "float" else 1e-2) * np.linalg.norm(expected)


def test_integers_are_integers_in_the_file(exported):
    import onnx

    precision, _, folder = exported
    kernels = {node.op_type for node in onnx.load(folder / "decode.onnx").graph.node}
    assert ("MatMulInteger" in kernels) == (precision != "float")


def test_text_goes_on_beyond_the_length_of_the_model(exported):
    decoder = Decoder(exported[2] / "decode.onnx")
    first, again = (list(generate(decoder, b"Call me", count=2 * LENGTH, seed=3)) for _ in range(2))
    assert first == again and len(first) == 2 * LENGTH and len(set(first)) > 3
    greedy = list(generate(decoder, b"Call me", count=4, temperature=0.0))
    assert greedy == list(generate(decoder, b"Call me", count=4, temperature=0.0, seed=9))


def test_it_writes_with_numpy_and_the_runtime_alone(exported):
    with only_packages(("numpy", "onnxruntime")) as packages:
        told = ["--prompt", "It was", "--bytes", "12"]
        command = fresh_command(exported[2] / "generate.py", told, path=[str(packages)])
        run = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert run.stdout.startswith(b"It was") and len(run.stdout) >= 6 + 12


def test_only_causal_networks_have_a_step():
    assert DecodeFormat.unfit(subject_of("float")) is None
    assert "causal" in DecodeFormat.unfit(subject_of("float", causal=False))


def test_a_token_is_timed_in_a_process_of_its_own(exported):
    if exported[0] != "w8a8":
        pytest.skip("a process for one file will do")
    folder = exported[2]
    found = decode_fresh(folder / "decode.onnx", threads=1, seconds=0.01)
    assert 0 < found["decode_ms"] <= found["decode_p90_ms"] and found["tokens_per_s"] == 1e3 / found["decode_ms"]
    states = exported[1].in_float.initial_state(1)
    assert found["cache_bytes"] == sum(t.numel() * t.element_size() for state in states for t in state)
    assert "decode_ms" not in decode_fresh(folder / "no.onnx", threads=1, seconds=0.01)
