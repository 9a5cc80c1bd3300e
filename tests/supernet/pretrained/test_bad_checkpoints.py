"""What does not fit is one line that names the setting or the file, and what to do."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from search_space.errors import CheckpointError, ConfigError, NasweaveError
from supernet import Supernet
from supernet.pretrained import Pretrained
from supernet.pretrained._source import content_hash
from tests.supernet.pretrained.checkpoints import CAUSAL_TEXT, IMAGE, model_of, saved, space_of

WHOLE, CONFIG, INDEX = "model.safetensors", "config.json", "model.safetensors.index.json"


def start(folder, space):
    Pretrained(folder).initialise(Supernet(space, generator=torch.Generator()))


def refused(kind: type[NasweaveError], folder, space) -> str:
    with pytest.raises(kind) as error:
        start(folder, space)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return {f: saved(model_of(f), tmp_path_factory.mktemp(f)) for f in ("gpt2", "vit", "llama", "bert")}


@pytest.fixture
def gpt2(stored, tmp_path):
    """A copy of a checkpoint to spoil."""
    for name in (WHOLE, CONFIG):
        (tmp_path / name).write_bytes((stored["gpt2"] / name).read_bytes())
    return tmp_path


def with_settings(folder, **settings):
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


@pytest.mark.parametrize(
    "family, space, words",
    [
        (
            "gpt2",
            {"embed_dim": [8, 12]},
            "space.embed_dim: expected 24 as its largest choice, as in the checkpoint, got 12",
        ),
        ("gpt2", {"depth": [2]}, "space.depth: expected 3 as its largest choice"),
        ("gpt2", {"num_heads": [2]}, "space.num_heads: expected 4"),
        ("gpt2", {"head_dim": 8}, "space.head_dim: expected 6, as in the checkpoint, got 8; set space.head_dim: 6"),
        ("gpt2", {"ratio": [1, 2]}, "space.ratio: expected 3 as its largest choice"),
        ("gpt2", {"mixer": ["depthwise_conv"]}, "space.mixer: expected softmax among its choices"),
        (
            "gpt2",
            {"mixer": ["softmax", "gated_softmax"]},
            "got gated_softmax; remove gated_softmax, or set space.largest=",
        ),
        (
            "gpt2",
            {"options": {"softmax": {"kv_heads": 1}, "mlp": {"activation": "gelu_tanh"}}},
            "space.options.softmax.kv_heads: expected all as its largest choice, as in the checkpoint, got 1",
        ),
        ("gpt2", {"options": {}}, "space.options.mlp.activation: expected gelu_tanh, as in the checkpoint, got gelu;"),
        ("gpt2", {"norm": {"eps": 1e-6}}, "space.norm.eps: expected 1e-05"),
        ("gpt2", {"task": replace(CAUSAL_TEXT, vocab_size=36)}, "task: expected a vocabulary of 37 ids"),
        (
            "gpt2",
            {"task": replace(CAUSAL_TEXT, seq_len=30, input_shape=(30,))},
            "task: expected at most 20 tokens, as in the checkpoint, got 30",
        ),
        ("gpt2", {"task": replace(CAUSAL_TEXT, causal=False)}, "a task whose tokens see the past alone"),
        ("vit", {"stem": "patch"}, "space.stem: expected class_patch, as in the checkpoint, got patch"),
        ("vit", {"head": "pooled"}, "space.head: expected class_token"),
        ("vit", {"task": replace(IMAGE, seq_len=4, grid=(2, 2))}, "task: expected 17 tokens"),
        ("vit", {"task": replace(IMAGE, input_shape=(1, 8, 8))}, "task: expected inputs of shape (3, 8, 8)"),
        ("llama", {"norm": {"eps": 1e-6}}, "space.norm.kind: expected rmsnorm"),
        (
            "llama",
            {"options": {"rotary_softmax": {"kv_heads": 2}}},
            "space.options.rotary_softmax.base: expected 500.0",
        ),
        ("llama", {"options": {}}, "space.options.rotary_softmax.kv_heads: expected 2 as its largest choice"),
        ("bert", {"norm": {"eps": 1e-12}}, "space.norm.position: expected post"),
        ("bert", {"head": "pooled"}, "space.head: expected pooler"),
    ],
)
def test_a_space_that_does_not_hold_it_is_told_which_setting(stored, family, space, words):
    assert words in refused(ConfigError, stored[family], space_of(family, **space))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"model_type": "t5"}, "model_type: expected one of bert, distilbert, gpt2, llama, roberta, vit, got 't5'"),
        ({"n_embd": "wide"}, "n_embd: expected a positive integer, got 'wide'"),
        ({"activation_function": "swish"}, "activation_function: expected 'gelu' or"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx: expected False, got True"),
        ({"n_inner": 48}, "space.ratio: expected 2 as its largest choice"),
    ],
)
def test_an_architecture_that_we_do_not_compute_is_refused(gpt2, settings, words):
    assert words in refused(NasweaveError, with_settings(gpt2, **settings), space_of("gpt2"))


def test_scaled_rotary_positions_are_refused(stored, tmp_path):
    for name in (WHOLE, CONFIG):
        (tmp_path / name).write_bytes((stored["llama"] / name).read_bytes())
    with_settings(tmp_path, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0})
    assert "rope_type: expected 'default', got 'linear'" in refused(CheckpointError, tmp_path, space_of("llama"))


def test_heads_of_keys_divide_those_of_queries(stored, tmp_path):
    for name in (WHOLE, CONFIG):
        (tmp_path / name).write_bytes((stored["llama"] / name).read_bytes())
    with_settings(tmp_path, num_key_value_heads=3)
    text = refused(CheckpointError, tmp_path, space_of("llama"))
    assert "num_key_value_heads: expected a divisor of num_attention_heads, 4, got 3" in text


@pytest.mark.parametrize("name, words", [(WHOLE, "expected the weights, got none"), (CONFIG, "No such file")])
def test_a_missing_file_is_named(gpt2, name, words):
    (gpt2 / name).unlink()
    text = refused(CheckpointError, gpt2, space_of("gpt2"))
    assert name in text and words in text
    with pytest.raises(CheckpointError, match=name):
        assert Pretrained(gpt2).hash


def test_pickled_weights_are_never_loaded(gpt2):
    (gpt2 / WHOLE).rename(gpt2 / "pytorch_model.bin")
    text = refused(CheckpointError, gpt2, space_of("gpt2"))
    assert "got pytorch_model.bin, which is pickled and never loaded; correct init.path, or save as safetensors" in text


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "nowhere" in refused(CheckpointError, tmp_path / "nowhere", space_of("gpt2"))


def test_a_truncated_file_is_refused(gpt2):
    data = (gpt2 / WHOLE).read_bytes()
    (gpt2 / WHOLE).write_bytes(data[: len(data) // 2])
    assert f"{WHOLE}: expected a complete safetensors file" in refused(CheckpointError, gpt2, space_of("gpt2"))


def test_a_config_that_is_no_json_is_refused(gpt2):
    (gpt2 / CONFIG).write_text("{")
    assert "config.json: expected JSON" in refused(CheckpointError, gpt2, space_of("gpt2"))
    (gpt2 / CONFIG).write_text("[]")
    assert "config.json: expected a JSON object, got list" in refused(CheckpointError, gpt2, space_of("gpt2"))


def test_a_missing_or_misshapen_weight_is_named(gpt2):
    tensors = load_file(gpt2 / WHOLE)
    name = "transformer.h.1.attn.c_attn.weight"
    save_file({**tensors, name: tensors[name][:, :-1].contiguous()}, gpt2 / WHOLE)
    text = refused(CheckpointError, gpt2, space_of("gpt2"))
    assert "h.1.attn.c_attn.weight: expected floating-point weights [24, 72], got float32 [24, 71]" in text
    save_file({n: t for n, t in tensors.items() if n != name}, gpt2 / WHOLE)
    assert "h.1.attn.c_attn.weight: expected floating-point weights [24, 72], got none" in refused(
        CheckpointError, gpt2, space_of("gpt2")
    )


@pytest.mark.parametrize("index", ["{}", '{"weight_map": {"wte.weight": "../elsewhere.safetensors"}}'])
def test_an_index_that_names_no_files_beside_it_is_refused(gpt2, index):
    (gpt2 / INDEX).write_text(index)
    assert "expected a weight_map to files beside it" in refused(CheckpointError, gpt2, space_of("gpt2"))


def test_a_shard_that_is_missing_is_named(gpt2):
    (gpt2 / INDEX).write_text('{"weight_map": {"wte.weight": "model-00001-of-00002.safetensors"}}')
    assert "model-00001-of-00002.safetensors" in refused(CheckpointError, gpt2, space_of("gpt2"))


def test_the_hash_is_that_of_every_file(gpt2):
    before = Pretrained(gpt2).hash
    assert Pretrained(gpt2).hash == before and len(before) == 12
    with_settings(gpt2, resid_pdrop=0.2)
    assert Pretrained(gpt2).hash != before


def test_the_shipped_space_holds_the_published_vit():
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from search_space import TaskShape, space_from_mapping
    from supernet import catalogue
    from supernet.pretrained import FAMILIES
    from supernet.pretrained._fit import check_space
    from supernet.pretrained._source import Settings
    from tests.supernet.pretrained.checkpoints import transformers

    with initialize_config_module("hydra_conf", version_base="1.3"):
        declaration = OmegaConf.to_container(compose("config", ["space=vit_base"]), resolve=True)["space"]
    task = TaskShape(input_shape=(3, 224, 224), num_outputs=1000, seq_len=196, grid=(14, 14))
    space = space_from_mapping(declaration, task=task, catalogue=catalogue())
    check_space(space, FAMILIES["vit"].form(Settings(transformers.ViTConfig().to_dict(), where="config.json")))


def test_a_pipe_in_place_of_weights_is_not_waited_for(gpt2):
    (gpt2 / WHOLE).unlink()
    os.mkfifo(gpt2 / WHOLE)
    with pytest.raises(CheckpointError, match="expected a regular file"):
        content_hash(gpt2)
