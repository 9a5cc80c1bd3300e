"""Reordering changes no output, and puts first what a network can least do without."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from supernet import Supernet
from supernet.pretrained import FAMILIES, Pretrained
from supernet.pretrained._activations import scores_of
from supernet.pretrained._fit import copy_weights
from supernet.pretrained._importance import by_importance
from supernet.pretrained._source import read_settings, read_tensors
from tests.supernet.pretrained.checkpoints import FAMILIES as NAMES
from tests.supernet.pretrained.checkpoints import model_of, outputs_of, saved, some_inputs, space_of


def read(family, folder):
    form = FAMILIES[family].form(read_settings(folder))
    return form, FAMILIES[family].weights(read_tensors(folder), form)


def supernet_of(space, weights, form):
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    copy_weights(supernet, weights, form)
    return supernet.eval()


@pytest.mark.parametrize("family", NAMES)
def test_the_largest_network_stays_what_it_was(family, tmp_path):
    form, stored = read(family, saved(model_of(family), tmp_path))
    ordered, space, x = by_importance(stored, head_dim=form.head_dim), space_of(family), some_inputs(family)
    a, b = (supernet_of(space, weights, form) for weights in (stored, ordered))
    moved = [n for (n, p), q in zip(a.named_parameters(), b.parameters(), strict=True) if not torch.equal(p, q)]
    assert {name.split(".")[1] for name in moved} == {"stem", "mixer_blocks", "channel_blocks", "head"}
    with torch.no_grad():
        torch.testing.assert_close(a(x, space.largest), b(x, space.largest), rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", NAMES)
def test_importance_by_activations_changes_no_output_either(family, tmp_path):
    folder, space, x = saved(model_of(family), tmp_path), space_of(family), some_inputs(family)
    norms, measured = (Supernet(space, generator=torch.Generator().manual_seed(0)).eval() for _ in range(2))
    Pretrained(folder).initialise(norms)
    Pretrained(folder).initialise(measured, examples=some_inputs(family, seed=1))
    pairs = zip(norms.named_parameters(), measured.parameters(), strict=True)
    moved = [name for (name, p), q in pairs if not torch.equal(p, q)]
    assert {name.split(".")[1] for name in moved} == {"stem", "mixer_blocks", "channel_blocks", "head"}
    with torch.no_grad():
        torch.testing.assert_close(measured(x, space.largest), norms(x, space.largest), rtol=0, atol=1e-4)


def test_scores_are_what_transformers_computes_at_each_place(tmp_path):
    """Of real tokens alone, in double precision, from the inputs of the reference's own modules."""
    model, inputs = model_of("bert"), some_inputs("bert", seed=1)
    folder, space = saved(model, tmp_path), space_of("bert")
    form, stored = read("bert", folder)
    given = scores_of(supernet_of(space, stored, form), inputs, form)
    seen, mask = {}, inputs != 0
    places = [("last", model.bert.encoder.layer[-1].output)]
    for i, layer in enumerate(model.bert.encoder.layer):
        places += [((i, "out"), layer.attention.output.dense), ((i, "down"), layer.output.dense)]
        places += [((i, "q"), layer.attention.self.query), ((i, "up"), layer.intermediate.dense)]

    def watch(place, module):
        module.register_forward_hook(
            lambda _, x, y: seen.update({place: (y if place == "last" else x[0])[mask].double()})
        )

    for place, module in places:
        watch(place, module)
    outputs_of(model, inputs)
    features = torch.zeros(24, dtype=torch.float64)
    for place, x in seen.items():
        if place == "last" or place[1] in ("q", "up"):
            deviation = x.std(0, correction=0)
            features += (deviation / deviation.norm()).square()
    torch.testing.assert_close(given.features.double(), features.sqrt(), rtol=1e-4, atol=0)
    for i, layer in enumerate(model.bert.encoder.layer):
        weight, z = layer.attention.output.dense.weight.double(), seen[i, "out"] - seen[i, "out"].mean(0)
        heads = [(z[:, h : h + 6] @ weight[:, h : h + 6].T).square().sum(1).mean().sqrt() for h in range(0, 24, 6)]
        torch.testing.assert_close(given.heads[i].double(), torch.stack(heads), rtol=1e-4, atol=0)
        hidden = seen[i, "down"].std(0, correction=0) * layer.output.dense.weight.double().norm(dim=0)
        torch.testing.assert_close(given.hidden[i].double(), hidden, rtol=1e-4, atol=1e-7)


def uneven(model, *, loud):
    """Make one head, one hidden channel and some features of a GPT-2 much larger than the others, and not the first."""
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_proj.weight.mul_(0.1)
            block.attn.c_proj.weight[6 * loud : 6 * loud + 6] *= 30
            block.mlp.c_fc.weight[:, -24:] *= 10
    return model


def smaller(space, **fields):
    largest = space.largest
    return replace(largest, layers=tuple(replace(layer, **fields) for layer in largest.layers))


@pytest.mark.parametrize("fields", [{"num_heads": 2}, {"ratio": 1.0}])
def test_the_first_parts_are_nearer_to_the_whole_than_the_last(fields, tmp_path):
    form, stored = read("gpt2", saved(uneven(model_of("gpt2"), loud=3), tmp_path))
    first, space, x = by_importance(stored, head_dim=6), space_of("gpt2"), some_inputs("gpt2")
    part = smaller(space, **fields)
    errors = []
    for weights in (first, stored):  # as stored, what is loud comes last
        supernet = supernet_of(space, weights, form)
        with torch.no_grad():
            errors.append((supernet(x, part) - supernet(x, space.largest)).square().mean())
    assert errors[0] < 0.5 * errors[1]


def test_heads_that_share_keys_are_left_out_together(tmp_path):
    model = model_of("llama")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[:, :12] = 0  # the first two heads, and so the first head of keys, say nothing
    form, stored = read("llama", saved(model, tmp_path))
    space, x = space_of("llama"), some_inputs("llama")
    part = smaller(space, num_heads=2, mixer_options={"kv_heads": 1})
    with torch.no_grad():
        given = supernet_of(space, by_importance(stored, head_dim=6), form)(x, part)
    torch.testing.assert_close(given, outputs_of(model, x), rtol=0, atol=1e-4)


def test_features_stand_by_what_is_written_and_read(tmp_path):
    model = model_of("gpt2")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("wte.weight", "wpe.weight")) or ".c_proj.weight" in name:
                parameter[:, :8] *= 0.01  # hardly anything is written to the first third
            if name.endswith("c_proj.bias"):
                parameter[:8] *= 0.01
    form, stored = read("gpt2", saved(model, tmp_path))
    ordered = by_importance(stored, head_dim=6)
    assert ordered.stem["embedding"][:, -8:].abs().max() < 0.1 * ordered.stem["embedding"][:, :16].std()
    space, x = space_of("gpt2"), some_inputs("gpt2")
    narrow, errors = replace(space.largest, embed_dim=16), []
    for weights in (ordered, stored):
        supernet = supernet_of(space, weights, form)
        with torch.no_grad():
            errors.append((supernet(x, narrow) - supernet(x, space.largest)).square().mean())
    assert errors[0] < 0.5 * errors[1]


def test_scores_by_hand(tmp_path):
    form, stored = read("llama", saved(model_of("llama"), tmp_path))
    ordered = by_importance(stored, head_dim=6)
    for before, after in zip(stored.layers, ordered.layers, strict=True):
        heads, hidden = [], []
        for h in range(4):
            rows, shared = slice(6 * h, 6 * h + 6), slice(6 * (h // 2), 6 * (h // 2) + 6)
            heads.append(float(before["v.weight"][shared].norm() * before["out.weight"][:, rows].norm()))
        for f in range(72):
            gate, up, down = before["gate.weight"][f], before["up.weight"][f], before["down.weight"][:, f]
            hidden.append(float(gate.norm() * up.norm() * down.norm()))
        groups = sorted(range(2), key=lambda g: -(heads[2 * g] ** 2 + heads[2 * g + 1] ** 2))
        order = [h for g in groups for h in sorted((2 * g, 2 * g + 1), key=lambda h: -heads[h])]
        for place, h in enumerate(order):
            # The columns are in another order too; their norm is not.
            torch.testing.assert_close(
                after["q.weight"][6 * place : 6 * place + 6].norm(dim=1),
                before["q.weight"][6 * h : 6 * h + 6].norm(dim=1),
            )
        order = sorted(range(72), key=lambda f: -hidden[f])
        torch.testing.assert_close(after["down.weight"].norm(dim=0), before["down.weight"].norm(dim=0)[order])
    assert form.hidden_dim == 72
