"""The space around a checkpoint holds it as the largest network, and pools as its folder says."""

from __future__ import annotations

import json

import pytest
import torch

from search_space import space_from_mapping
from search_space.errors import CheckpointError
from supernet import Supernet, catalogue
from supernet.pretrained import Pretrained
from tests.supernet.pretrained import checkpoints
from tests.supernet.pretrained.checkpoints import TASKS, model_of, outputs_of, saved, some_inputs


@pytest.mark.parametrize("family", checkpoints.FAMILIES)
def test_its_largest_network_is_the_checkpoint(family, tmp_path):
    model, inputs = model_of(family), some_inputs(family)
    pretrained = Pretrained(saved(model, tmp_path))
    space = space_from_mapping(pretrained.declaration(), task=TASKS[family], catalogue=catalogue())
    assert (space.embed_dim, space.depth) == ((16, 24), (1, 2, 3))
    assert space.num_heads == ((2, 4) if family == "llama" else (1, 3, 4)), "heads that share keys stay together"
    assert min(space.ratio) == 0.75 and max(space.ratio) == 3 and {"identity"} < set(space.mixer)
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).eval()
    pretrained.initialise(supernet)
    with torch.no_grad():
        given = supernet(inputs, space.largest.in_float())
        if TASKS[family].vocab_size:  # rows of their embedding are kept in 8 bits
            assert torch.nn.functional.cosine_similarity(given, outputs_of(model, inputs), dim=-1).min() > 0.99
        else:
            torch.testing.assert_close(given, outputs_of(model, inputs), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "modes, head",
    [(("mean_tokens",), "mean_pooling"), (("cls_token",), "cls_pooling"), (("max_tokens",), None), ((), None)],
)
def test_an_encoder_of_sentences_is_pooled_as_its_folder_says(modes, head, tmp_path):
    pretrained = Pretrained(saved(model_of("bert"), tmp_path))
    assert pretrained.declaration()["head"] == "pooler", "which a classifier was trained with"
    (tmp_path / "1_Pooling").mkdir()
    known = ("mean_tokens", "cls_token", "max_tokens")
    (tmp_path / "1_Pooling" / "config.json").write_text(
        json.dumps({f"pooling_mode_{mode}": mode in modes for mode in known})
    )
    if head is None:
        with pytest.raises(CheckpointError, match="expected one of pooling_mode_mean_tokens, pooling_mode_cls_token"):
            pretrained.declaration()
    else:
        assert pretrained.declaration()["head"] == head


def test_an_encoder_alone_has_no_pooler_that_was_trained_for_anything(tmp_path):
    assert Pretrained(saved(model_of("bert").bert, tmp_path)).declaration()["head"] == "mean_pooling"


def test_an_unknown_family_is_told_the_nearest(tmp_path):
    saved(model_of("bert"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "albert"}))
    with pytest.raises(CheckpointError) as error:
        Pretrained(tmp_path).declaration()
    text = str(error.value)
    assert (
        "expected one of bert, distilbert, gpt2, llama, roberta, vit, got 'albert'; bert is the nearest, which is a "
        "post-norm encoder" in text
    )
    assert "\n" not in text
