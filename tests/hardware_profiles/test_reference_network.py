"""The yardstick of a profile: the same network everywhere, exported once a user."""

from __future__ import annotations

import numpy as np
import torch

from hardware_profiles import RUNTIMES
from hardware_profiles.measuring.reference_network import reference_network
from hardware_profiles.onnx.cache import GraphCache
from hardware_profiles.onnx.library import GraphLibrary


def test_it_has_the_same_weights_every_time_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    (module, example), (again, same) = reference_network(), reference_network()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(example, same) and torch.equal(module(example), again(example))


def test_its_graph_is_exported_once_and_computes_what_it_does(tmp_path, monkeypatch):
    module, example = reference_network()
    GraphLibrary(GraphCache(tmp_path)).graph(module, example)

    def never(*_):
        raise AssertionError("exported again")

    monkeypatch.setattr("hardware_profiles.onnx.library.export_template", never)
    monkeypatch.setattr("hardware_profiles.onnx.library.export_several", never)
    model = GraphLibrary(GraphCache(tmp_path)).graph(module, example)
    found = RUNTIMES["onnxruntime"].open_model(model.SerializeToString(), {}, 1)(example.numpy())
    np.testing.assert_allclose(found, module(example).detach().numpy(), rtol=0, atol=1e-5)
