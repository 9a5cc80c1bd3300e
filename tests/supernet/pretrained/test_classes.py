"""The last layer of a checkpoint answers in the order of the task's classes."""

from __future__ import annotations

import logging

import pytest
import torch
import transformers

from supernet import Supernet
from supernet.pretrained import Pretrained
from tests.supernet.pretrained.checkpoints import IDS, model_of, outputs_of, saved, some_inputs, space_of

NAMES = ("cat", "ant", "eel", "bee", "dog")


def begun(folder, space, labels):
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).eval()
    Pretrained(folder).initialise(supernet, labels=labels)
    return supernet


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "vit"])
def test_classes_of_the_same_names_are_sorted(family, tmp_path):
    model, space, inputs = model_of(family, id2label=dict(enumerate(NAMES))), space_of(family), some_inputs(family)
    folder, labels = saved(model, tmp_path), tuple(sorted(NAMES))
    with torch.no_grad():
        found, given = begun(folder, space, labels)(inputs, space.largest), outputs_of(model, inputs)
    torch.testing.assert_close(found, given[:, [NAMES.index(name) for name in labels]], rtol=0, atol=1e-4)


@pytest.mark.parametrize("names", [NAMES, ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4")])
def test_others_are_taken_in_their_order(names, tmp_path, caplog):
    model, space, inputs = model_of("bert", id2label=dict(enumerate(names))), space_of("bert"), some_inputs("bert")
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        found = begun(saved(model, tmp_path), space, tuple("vwxyz"))(inputs, space.largest)
    torch.testing.assert_close(found, outputs_of(model, inputs), rtol=0, atol=1e-4)
    assert ("the checkpoint's classes begin with cat, the task's with v" in caplog.text) == (names == NAMES)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_a_classifier_of_tokens_keeps_its_last_layer(family, tmp_path):
    whole = model_of(family, id2label=dict(enumerate(NAMES)))
    kind = type(whole).__name__.replace("ForSequenceClassification", "ForTokenClassification")
    model = getattr(transformers, kind)(whole.config).eval()
    inputs = torch.randint(1, IDS, (3, 9), generator=torch.Generator().manual_seed(2))
    space = space_of(family, head="each_token")
    labels = tuple(sorted(NAMES))
    with torch.no_grad():
        found = begun(saved(model, tmp_path), space, labels)(inputs, space.largest)
        given = model(input_ids=inputs).logits
    torch.testing.assert_close(found, given[..., [NAMES.index(name) for name in labels]], rtol=0, atol=1e-4)
