"""A network of some of a checkpoint's layers gives what transformers gives without the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from supernet import Supernet, extract
from supernet.pretrained import Pretrained
from supernet.training.rounds import without_layers
from tests.supernet.pretrained import checkpoints
from tests.supernet.pretrained.checkpoints import model_of, outputs_of, saved, some_inputs, space_of


def keep(model: nn.Module, kept: tuple[int, ...]) -> None:
    """Take the other layers out of a model of transformers, whichever module holds them."""
    ((path, whole),) = ((name, m) for name, m in model.named_modules() if isinstance(m, nn.ModuleList))
    parent, _, name = path.rpartition(".")
    left = nn.ModuleList([whole[i] for i in kept])
    setattr(model.get_submodule(parent), name, left)
    for i, layer in enumerate(left):
        for part in layer.modules():
            if hasattr(part, "layer_idx"):
                part.layer_idx = i  # of the cache


@pytest.mark.parametrize("kept", [(0, 2), (1, 2), (1,)])
@pytest.mark.parametrize("family", checkpoints.FAMILIES)
def test_any_layers_may_be_left_out(family, kept, tmp_path):
    model, inputs = model_of(family), some_inputs(family)
    space = space_of(family, depth=[1, 2, 3])
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    Pretrained(saved(model, tmp_path)).initialise(supernet.eval())
    shallow = replace(space.largest, layers=space.largest.layers[: len(kept)])
    network = extract(supernet, shallow, layers=kept)
    keep(model, kept)
    with torch.no_grad():
        torch.testing.assert_close(network(inputs), outputs_of(model, inputs), rtol=0, atol=1e-4)
        running = without_layers(space.largest, kept)
        torch.testing.assert_close(network(inputs), supernet(inputs, running), rtol=0, atol=1e-6)
        assert not torch.allclose(network(inputs), extract(supernet, shallow)(inputs), atol=1e-3)


def test_as_many_layers_are_named_as_there_are(tmp_path):
    space = space_of("gpt2", depth=[1, 2, 3])
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="3 layers are wanted, 2 are named"):
        extract(supernet, space.largest, layers=(0, 2))
