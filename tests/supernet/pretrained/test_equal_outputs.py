"""The largest network of a supernet that starts from a checkpoint gives what transformers gives."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch

from supernet import Supernet, extract
from supernet.pretrained import FAMILIES, Pretrained
from tests.supernet.pretrained import checkpoints
from tests.supernet.pretrained.checkpoints import model_of, outputs_of, saved, some_inputs, space_of


def started(folder, space, *, seed=0):
    supernet = Supernet(space, generator=torch.Generator().manual_seed(seed))
    Pretrained(folder).initialise(supernet)
    return supernet.eval()


def check(model, folder, space, inputs):
    supernet = started(folder, space)
    expected = outputs_of(model, inputs)
    with torch.no_grad():
        torch.testing.assert_close(supernet(inputs, space.largest), expected, rtol=0, atol=1e-4)
        torch.testing.assert_close(extract(supernet, space.largest)(inputs), expected, rtol=0, atol=1e-4)
    assert expected.std() > 0.1, "the reference says something"


def test_every_family_is_tested():
    assert sorted(checkpoints.FAMILIES) == sorted(FAMILIES)


@pytest.mark.parametrize("family", checkpoints.FAMILIES)
def test_outputs_are_equal(family, tmp_path):
    model = model_of(family)
    check(model, saved(model, tmp_path), space_of(family), some_inputs(family))


@pytest.mark.parametrize("family", checkpoints.FAMILIES)
def test_shards_are_read_as_one(family, tmp_path):
    model = model_of(family)
    saved(model, tmp_path, max_shard_size="20KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    check(model, tmp_path, space_of(family), some_inputs(family))


@pytest.mark.parametrize(
    "family, config, space",
    [
        ("gpt2", {"activation_function": "gelu"}, {"options": {"mlp": {"activation": "gelu"}}}),
        ("gpt2", {"tie_word_embeddings": False}, {}),
        ("gpt2", {"layer_norm_epsilon": 0.1}, {"norm": {"eps": 0.1}}),
        ("vit", {"qkv_bias": False}, {}),
        ("vit", {"hidden_act": "relu"}, {"options": {"mlp": {"activation": "relu"}}}),
        ("llama", {"tie_word_embeddings": True}, {}),
        (
            "llama",
            {"num_key_value_heads": 4, "attention_bias": True, "mlp_bias": True},
            {"options": {"rotary_softmax": {"base": 500.0}}},
        ),
        (
            "llama",
            {"num_key_value_heads": 1},
            {"options": {"rotary_softmax": {"base": 500.0, "kv_heads": 1}}},
        ),
        ("llama", {}, {"mixer": ["rotary_softmax", "softmax"], "largest": ["rotary_softmax", "gated_mlp"]}),
        ("llama", {"head_dim": 8}, {"head_dim": 8}),
        ("bert", {"type_vocab_size": 1, "layer_norm_eps": 0.1}, {"norm": {"eps": 0.1, "position": "post"}}),
    ],
)
def test_variants_of_a_family_are_equal_too(family, config, space, tmp_path):
    model = model_of(family, **config)
    check(model, saved(model, tmp_path), space_of(family, **space), some_inputs(family))


def test_other_mixers_may_stand_beside_and_keep_random_weights(tmp_path):
    model = model_of("gpt2")
    space = space_of("gpt2", mixer=["softmax", "depthwise_conv", "identity"], largest=["softmax", "mlp"])
    check(model, saved(model, tmp_path), space, some_inputs("gpt2"))
    a, b = (started(tmp_path, space, seed=seed).body.mixer_blocks["0"] for seed in (0, 1))
    assert torch.equal(a.projections.q.weight, b.projections.q.weight)
    assert not torch.equal(*(next(m.mixers["depthwise_conv"].parameters()) for m in (a, b)))


@pytest.mark.parametrize("family", ["vit", "bert"])
def test_another_number_of_classes_starts_with_a_new_last_layer(family, tmp_path, caplog):
    model = model_of(family)
    space = space_of(family, task=replace(checkpoints.TASKS[family], num_outputs=9))
    with caplog.at_level(logging.WARNING):
        supernet = started(saved(model, tmp_path), space)
    assert "the checkpoint gives 5 outputs, the task has 9: its last layer starts random" in caplog.text
    assert supernet(some_inputs(family), space.largest).shape == (4, 9)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_decoding_token_by_token_gives_the_same(family, tmp_path):
    model, space, ids = model_of(family), space_of(family), some_inputs(family)
    network = extract(started(saved(model, tmp_path), space), space.largest)
    expected, states = outputs_of(model, ids), network.initial_state(len(ids))
    assert states[0][0].shape[1] == {"gpt2": 4, "llama": 2}[family], "the cache holds the checkpoint's heads of keys"
    with torch.no_grad():
        for t in range(ids.shape[1]):
            y, states = network.step(ids[:, t : t + 1], states, position=torch.tensor(t))
            torch.testing.assert_close(y, expected[:, t : t + 1], rtol=0, atol=1e-4)


def test_an_old_bert_names_its_norms_gamma_and_beta(tmp_path):
    from safetensors.torch import load_file, save_file

    model = model_of("bert")
    path = saved(model, tmp_path) / "model.safetensors"
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = {}
    for name, tensor in load_file(path).items():
        for new, old in names.items():
            name = name.replace(new, old)
        tensors[name] = tensor
    assert any("gamma" in name for name in tensors)
    save_file(tensors, path)
    check(model, tmp_path, space_of("bert"), some_inputs("bert"))
