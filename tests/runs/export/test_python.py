"""The generated file computes what the network computes, for every mixer, and imports PyTorch alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from runs.export import FORMATS, Subject
from runs.search.testing import IMAGE
from search_space import Architecture, Layer, SearchSpace, TaskShape
from supernet import Network, example_input
from supernet.blocks import deployed
from supernet.catalogue import MIXERS
from supernet.elastic import reset_parameters

TEXT = TaskShape(
    input_shape=(40,), num_outputs=11, seq_len=40, vocab_size=11, causal=True, stem="tokens", head="language_model"
)


def subject_of(space: SearchSpace, mixer: str, precision: str) -> Subject:
    """Return a network of a mixer in a precision; of softmax with a layer in float and channel mixers beside it.

    What linear maps do in float is the same in every mixer.
    """
    heads = 2 if space.catalogue.mixers[mixer].has_heads else 0
    # Channel mixers are the same beside every mixer: one of them is enough.
    channel = {"channel_mixer": "mlp", "ratio": 2} if mixer == "softmax" else {"channel_mixer": "identity"}
    plain = Layer(mixer=mixer, num_heads=heads, **channel)
    integers = replace(plain, mixer_precision=precision, channel_precision=precision)
    in_float = (plain,) if mixer == "softmax" else ()
    architecture = Architecture(embed_dim=32, layers=(*in_float, space.canonical_layer(integers)))
    network = Network(architecture, space.geometry).eval()
    reset_parameters(network, torch.Generator().manual_seed(0))
    network = deployed(network)
    example = example_input(space.geometry.task, batch_size=1, generator=torch.Generator().manual_seed(1))
    return Subject(simulated=network, in_float=network, example=example)


CASES = [(key, not block.spec.bidirectional) for key, block in sorted(MIXERS.items()) if key != "identity"]


@pytest.mark.parametrize(
    ("mixer", "causal"), [*CASES, *((key, True) for key in ("softmax", "retention", "gated_linear"))]
)
def test_every_mixer_is_written_out(make_space, tmp_path, mixer: str, causal: bool) -> None:
    task = TEXT if causal else IMAGE
    precision = "w4" if causal else "w8a8"
    choices = {"mixer": [mixer], "channel_mixer": ["mlp", "identity"], "precision": ["float", precision]}
    space = make_space(task=task, **choices, options={"tokens": {"table": "int8"}})
    subject, form = subject_of(space, mixer, precision), FORMATS["python"]()
    form.write(subject, tmp_path)
    inputs = example_input(task, batch_size=3, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = subject.simulated(inputs).numpy()
    predict = form.load(tmp_path)
    for _ in range(2):  # nothing is changed by a call
        np.testing.assert_allclose(predict(inputs.numpy()), expected, rtol=1e-5, atol=1e-5)


def test_sparse_weights_are_written_out(make_space, tmp_path) -> None:
    space = make_space(task=IMAGE, mixer=["softmax"], channel_mixer=["mlp"], precision=["w8a8_2of4"])
    subject = subject_of(space, "softmax", "w8a8_2of4")
    for name in ("python", "pt2", "safetensors"):
        form = FORMATS[name]()
        form.write(subject, tmp_path)
        inputs = example_input(IMAGE, batch_size=3, generator=torch.Generator().manual_seed(2))
        with torch.inference_mode():
            expected = subject.simulated(inputs).numpy()
        np.testing.assert_allclose(form.load(tmp_path)(inputs.numpy()), expected, rtol=1e-5, atol=1e-5)


def test_the_file_needs_pytorch_alone(space, tmp_path) -> None:
    FORMATS["python"]().write(subject_of(space, "softmax", "w8a8"), tmp_path)
    code = (
        f"import sys, runpy; runpy.run_path({str(tmp_path / 'network.py')!r}, run_name='__main__');"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'supernet', 'runs', 'safetensors', 'onnx'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines() == ["(1, 10)", "[]"]
