"""Texts and an encoder's vectors: what transformers gives, in splits that share no text, judged by what they find."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from runs.evaluation.references import simple_models
from runs.export.embed import Embedder
from search_space.errors import CheckpointError, ConfigError, DataError
from supernet.pretrained import Pretrained
from supernet.sentences import SentenceEncoder
from supernet.tasks import TASKS, EmbeddingData
from tests.supernet.tasks.encoders import WIDTH, write_encoder
from tests.supernet.tasks.samples import WORDS, texts

TEXTS = [text for text, _ in texts(160)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASWEAVE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def encoder(tmp_path):
    return write_encoder(tmp_path / "encoder")


def load(path, encoder, **options) -> EmbeddingData:
    options = {"path": str(path), "checkpoint_path": str(encoder), **options}
    data = TASKS["embedding"].load(options=options)
    assert isinstance(data, EmbeddingData)
    return data


def lines(path, rows):
    path.write_text("\n".join(rows) + "\n")
    return path


def by_transformers(folder, ids, *, mean=True, layers=None):
    """Return what sentence-transformers computes: the model's last states, pooled, of length one."""
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    model.encoder.layer = model.encoder.layer[:layers]
    mask = (ids != 0).long()
    with torch.no_grad():
        last = model(input_ids=ids, attention_mask=mask).last_hidden_state
    pooled = (last * mask[..., None]).sum(1) / mask.sum(1, keepdim=True) if mean else last[:, 0]
    return pooled / pooled.norm(dim=1, keepdim=True)


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_vectors_are_those_of_the_whole_encoder_whatever_networks_see(tmp_path, pooling):
    folder = write_encoder(tmp_path / "encoder", pooling=pooling)
    path = lines(tmp_path / "a.txt", TEXTS)
    data = load(path, folder)
    rows = torch.tensor(data.token_rows)
    for split in (data.train, data.validation, data.test):
        expected = by_transformers(folder, rows[split.inputs], mean=pooling == "mean_tokens")
        torch.testing.assert_close(split.targets, expected, rtol=0, atol=1e-5)
    less = load(path, folder, trim_vocabulary=True, max_tokens=6)
    assert less.shape.vocab_size < data.shape.vocab_size and less.shape.seq_len == 6
    assert torch.equal(less.train.targets, data.train.targets) and less.data_hash != data.data_hash
    assert data.shape.num_outputs == WIDTH and "are cut to 6 pieces" in str(less.summary)


def test_vectors_are_computed_once_and_known_by_their_texts(tmp_path, encoder, monkeypatch):
    path = lines(tmp_path / "a.txt", TEXTS)
    first = load(path, encoder)
    monkeypatch.setattr(SentenceEncoder, "__call__", lambda *_: pytest.fail("they are kept"))
    again = load(path, encoder)
    assert again.data_hash == first.data_hash and torch.equal(again.test.targets, first.test.targets)
    monkeypatch.undo()
    monkeypatch.setenv("NASWEAVE_CACHE", str(tmp_path / "cache"))
    assert load(lines(path, TEXTS[1:]), encoder).data_hash != first.data_hash
    other = load(lines(path, TEXTS), write_encoder(encoder, pooling="cls_token"))
    assert other.data_hash != first.data_hash and not torch.allclose(other.test.targets, first.test.targets, atol=0.1)


def test_a_text_stands_once_and_large_splits_are_two_thousand(tmp_path, encoder, monkeypatch):
    data = load(lines(tmp_path / "a.txt", [*TEXTS, *(t.upper() for t in TEXTS[:7]), " ", TEXTS[0]]), encoder)
    assert "8 texts" in str(data.summary) and "left out, without a text: 1 row" in str(data.summary)
    sizes = [len(s) for s in (data.train, data.validation, data.test)]
    assert sum(sizes) == len(TEXTS) and sizes == [130, 14, 16]
    monkeypatch.setattr("supernet.tasks.embedding._MOST", 12)
    fewer = load(tmp_path / "a.txt", encoder)
    assert [len(s) for s in (fewer.train, fewer.validation, fewer.test)] == [136, 12, 12]
    given = load(
        lines(tmp_path / "b.txt", TEXTS[:60]), encoder, test_path=str(lines(tmp_path / "c.txt", TEXTS[20:40])),
        validation_path=str(lines(tmp_path / "d.txt", TEXTS[30:60])),
    )  # fmt: skip
    assert [len(s) for s in (given.train, given.validation, given.test)] == [20, 20, 20], "no text is in two splits"


def test_tables_and_objects_hold_the_same_texts(tmp_path, encoder):
    plain = load(lines(tmp_path / "a.txt", TEXTS), encoder)
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(f'{i},"{t}"\n' for i, t in enumerate(TEXTS)))
    lines(tmp_path / "a.jsonl", [json.dumps({"said": t}) for t in TEXTS])
    assert load(tmp_path / "a.csv", encoder).data_hash == plain.data_hash
    assert load(tmp_path / "a.jsonl", encoder, text="said").data_hash == plain.data_hash


def test_the_loss_is_the_cosine_and_needs_no_length(tmp_path, encoder):
    data = load(lines(tmp_path / "a.txt", TEXTS), encoder)
    outputs, targets = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0)), data.train.targets[:5]
    expected = [1 - float(x @ y / (x.norm() * y.norm())) for x, y in zip(outputs, targets, strict=True)]
    assert data.loss(outputs, targets, reduction="none").tolist() == pytest.approx(expected, abs=1e-6)
    assert data.loss(3 * outputs, targets).item() == pytest.approx(np.mean(expected), abs=1e-6)
    assert data.soft_loss(outputs, targets, targets).item() == pytest.approx(np.mean(expected), abs=1e-6)
    assert data.error(7 * data.test.targets, data.test.targets) == 0


def test_reference_models_are_what_they_are_called(tmp_path, encoder):
    data = load(lines(tmp_path / "a.txt", TEXTS), encoder)
    first, second, decomposed = simple_models(data)
    assert [m.name[:10] for m in (first, second, decomposed)] == ["first 1 of", "first 2 of", "TF-IDF of "]
    ids = torch.tensor(data.token_rows)[data.test.inputs]
    for layers, model in ((1, first), (2, second)):
        vectors = by_transformers(encoder, ids, layers=layers)
        assert model.test_error == data.error(vectors, data.test.targets)
    per_layer = 4 * (WIDTH**2 + WIDTH) + 2 * 24 * WIDTH + 24 + WIDTH + 4 * WIDTH
    assert second.params - first.params == per_layer
    vectors = torch.from_numpy(_tf_idf(data, data.validation))  # in as many directions as pieces nothing is lost
    assert decomposed.validation_error == data.error(vectors, data.validation.targets)


def _tf_idf(data, split):
    """Return what scikit-learn documents: 1 + ln of counts, times 1 + ln((1 + n) / (1 + texts with it)), length one."""
    counts = [np.array([np.bincount(row, minlength=data.shape.vocab_size) for row in part.stored.numpy()])[:, 1:]
              for part in (data.train, split)]  # fmt: skip
    inverse = 1 + np.log((1 + len(counts[0])) / (1 + (counts[0] > 0).sum(0)))
    found = np.where(counts[1] > 0, 1 + np.log(np.maximum(counts[1], 1)), 0) * inverse
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_program_beside_an_exported_network_gives_its_vectors(tmp_path, encoder):
    data = load(lines(tmp_path / "a.txt", TEXTS), encoder)
    table = torch.randn(data.shape.vocab_size, WIDTH, generator=torch.Generator().manual_seed(0))
    nodes = [
        onnx.helper.make_node("Gather", ["table", "ids"], ["rows"]),
        onnx.helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0),
    ]
    given = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["batch", data.shape.seq_len])
    told = onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, ["batch", WIDTH])
    graph = onnx.helper.make_graph(
        nodes, "mean", [given], [told], [onnx.numpy_helper.from_array(table.numpy(), "table")]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "preprocessing.json").write_text(json.dumps(data.preprocessing()))
    for name, content in data.files.items():
        (tmp_path / name).write_text(content)
    some = [TEXTS[3], " ".join(WORDS * 9), ""]
    whole = load(lines(tmp_path / "b.txt", [*TEXTS, some[1]]), encoder)
    mean = torch.stack([table[row].mean(0) for row in _ids(data, some)])
    found = Embedder(tmp_path)(some)
    np.testing.assert_allclose(found, mean / mean.norm(dim=1, keepdim=True), atol=1e-5)
    assert Embedder(tmp_path)([]).shape == (0, WIDTH) and len(whole.train) > len(data.train)


def _ids(data, some):
    """Return the ids of texts by the library tokenizers, cut before the closing one, padded."""
    tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_str(data.files["tokenizer.json"])
    tokenizer.enable_truncation(data.shape.seq_len)
    tokenizer.enable_padding(pad_id=0, length=data.shape.seq_len)
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(some)])


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"modules": [{"type": "sentence_transformers.models.Dense"}]}, "modules of Transformer, Pooling, Normalize"),
        ({"pooling": "max_tokens"}, "pooling_mode_max_tokens"),
        ({"model_type": "mpnet"}, "one of bert, "),
        ({"longest": 0}, "max_seq_length: expected a positive integer, got 0"),
    ],
)
def test_an_encoder_that_is_not_computed_is_refused(tmp_path, changed, said):
    modules = changed.pop("modules", None)
    folder = write_encoder(tmp_path / "encoder", **changed)
    if modules:
        (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match="expected") as caught:
        load(lines(tmp_path / "a.txt", TEXTS), folder)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_too_few_texts_a_missing_column_and_more_than_the_encoder_sees_are_refused(tmp_path, encoder):
    with pytest.raises(DataError, match=r"test: expected 12 different texts or more, .* got 4; add texts"):
        load(lines(tmp_path / "a.txt", TEXTS[:40]), encoder)
    with pytest.raises(ConfigError, match=r"max_tokens: expected at most 20, .* got 21; lower it"):
        load(lines(tmp_path / "a.txt", TEXTS), encoder, max_tokens=21)
    with pytest.raises(DataError, match="expected texts, got none"):
        load(lines(tmp_path / "b.jsonl", ['{"text": " "}', '{"text": null}']), encoder)
    (tmp_path / "c.csv").write_text("text;label\nhello;a\n")
    with pytest.raises(DataError, match=r"task\.options\.text"):
        load(tmp_path / "c.csv", encoder, text="body")
    with pytest.raises(DataError, match=r"expected a file that ends in .*\.txt, got \.pdf"):
        load(lines(tmp_path / "d.pdf", TEXTS), encoder)


def test_shallower_architectures_stand_on_the_first_layers(tmp_path, encoder):
    sentences = SentenceEncoder(Pretrained(encoder))
    rows = [[2, 7, 9, 3], [2, 3], [2, 8, 3]]
    assert torch.equal(sentences(rows, layers=3), sentences(rows)) and sentences.longest == 20
    torch.testing.assert_close(sentences(rows[1:2]), sentences(rows)[1:2])
    assert not torch.allclose(sentences(rows, layers=1), sentences(rows), atol=1e-2)
    assert replace(load(lines(tmp_path / "a.txt", TEXTS), encoder)).checkpoint == encoder
