"""Texts in the pieces of a published tokenizer: what is said, what is refused, and what an export carries."""

from __future__ import annotations

import json
import re

import pytest
import torch

from search_space.errors import NasweaveError
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import texts, write_texts
from tests.supernet.tokenizers.made import bert, byte_level, saved, tokenizers, words


@pytest.fixture
def folder(tmp_path):
    return saved(bert(size=200), tmp_path / "checkpoint").parent


def load(tmp_path, rows=None, **options):
    return TASKS["text"].load(options={"path": str(write_texts(tmp_path / "a.csv", rows)), **options})


@pytest.mark.parametrize("name", ["", "tokenizer.json"])
def test_ids_are_those_of_the_tokenizer_within_class_and_end(folder, tmp_path, name):
    rows = texts(60)
    data = load(tmp_path, rows, tokenizer=str(folder / name))
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    assert data.shape.vocab_size == size and data.token_rows == tuple(range(size))
    seen = set()
    for split in (data.train, data.validation, data.test):
        for ids in split.inputs.tolist():
            seen.add(tuple(i for i in ids if i))
    assert seen == {tuple(tokenizer.encode(text).ids) for text, _ in rows}
    assert f"{size} pieces of the published tokenizer.json; unknown to it: " in data.summary.facts["vocabulary"]
    assert set(data.files) == {"tokenizer.json", "tokenizer.py", "labels.txt"}
    assert load(tmp_path, rows).data_hash != data.data_hash


def test_a_longer_text_keeps_its_end_and_is_counted(folder, tmp_path):
    rows = [*texts(60), ("the cat " * 99, "intent_0")]
    data = load(tmp_path, rows, tokenizer=str(folder), max_tokens=8)
    inputs = torch.cat([split.inputs for split in (data.train, data.validation, data.test)])
    full = inputs[(inputs != 0).all(1)]
    assert len(full) and (full[:, 0] == 2).all() and (full[:, -1] == 3).all()
    (note,) = (note for note in data.summary.notes if "cut" in note)
    assert re.match(r"\d+ of 61 texts are cut to 8 pieces, \d+\.\d % of all; the longest has \d+ ", note)
    step = next(s for s in data.preparation if s["do"] == "encode")
    assert step == {
        "do": "encode", "as": "word pieces", "vocabulary": "tokenizer.json", "reader": "tokenizer.py", "most": 8
    }  # fmt: skip


def test_what_training_leaves_out_is_masked_but_nothing_around_a_text(folder, tmp_path):
    data = load(tmp_path, tokenizer=str(folder), token_dropout=0.5)
    inputs = data.train.inputs.repeat(20, 1)
    changed = data.augment(inputs, torch.Generator().manual_seed(0))
    around = torch.isin(inputs, torch.tensor([0, 2, 3]))
    assert torch.equal(changed[around], inputs[around])
    assert (changed[changed != inputs] == 4).all()
    assert (changed != inputs)[~around].float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_trimming_leaves_pieces_out_and_changes_no_training_text(folder, tmp_path):
    whole, data = (load(tmp_path, tokenizer=str(folder), trim_vocabulary=trim) for trim in (False, True))
    rows = torch.tensor(data.token_rows)
    assert data.shape.vocab_size == len(rows) < whole.shape.vocab_size
    assert torch.equal(rows[data.train.inputs], whole.train.inputs)
    assert len(json.loads(data.files["tokenizer.json"])["model"]["vocab"]) == len(rows)


@pytest.mark.parametrize("kind", ["words", "wordpiece"])
def test_other_vocabularies_are_learned_from_the_training_texts(kind, tmp_path):
    data = load(tmp_path, pieces=kind, vocabulary=257)
    assert data.token_rows is None and data.shape.vocab_size <= 257
    assert "unknown to it" in data.summary.facts["vocabulary"]
    assert json.loads(data.files["tokenizer.json"])["model"]["type"] == {"words": "WordLevel"}.get(kind, "WordPiece")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokenizer": "nowhere"}, "task.options.tokenizer: expected a tokenizer.json, .*, got no file nowhere"),
        ({"tokenizer": "."}, "got a folder without it, .*save_pretrained"),
        ({"tokenizer": "checkpoint", "pieces": "words"}, "task.options.pieces: expected no vocabulary to learn"),
        ({"trim_vocabulary": True}, "task.options.trim_vocabulary: expected false for a vocabulary that is learned"),
        ({"tokenizer": "checkpoint", "max_tokens": 2}, "task.options.max_tokens: expected more than the 2 ids"),
        ({"tokenizer": "pairs", "token_dropout": 0.1}, "task.options.token_dropout: expected 0 with a vocabulary"),
        ({"tokenizer": "words"}, "a.csv: train: expected texts that the vocabulary has pieces for, got nothing"),
        ({"pieces": "letters"}, "task.options.pieces: expected one of byte_pairs, wordpiece, words"),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    saved(byte_level(), tmp_path / "pairs")
    saved(words(), tmp_path / "words")
    rows = [("\u043f\u0440\u0438\u0432\u0435\u0442" + " \u0434\u0430" * i, str(i % 2)) for i in range(40)]
    with pytest.raises(NasweaveError, match=message) as caught:
        load(tmp_path, rows if options.get("tokenizer") == "words" else None, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", [{"tokenizer": "x"}, {"pieces": "words"}, {"trim_vocabulary": True}])
def test_plain_text_has_no_pieces_of_words(tmp_path, option):
    (tmp_path / "a.txt").write_text("hello world " * 100)
    with pytest.raises(NasweaveError, match=r"expected none of a \.txt, which is modelled byte by byte"):
        TASKS["text"].load(options={"path": str(tmp_path / "a.txt"), **option})
