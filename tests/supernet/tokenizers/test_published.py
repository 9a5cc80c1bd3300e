"""Files of tokenizers: trimmed without a change for the texts at hand, and refused in one line where they are odd."""

from __future__ import annotations

import json
import sys

import pytest

from search_space.errors import DataError
from supernet.tokenizers import published
from tests.supernet.tokenizers.made import CORPUS, MAKERS, bert, saved, some_texts

PARTS = CORPUS[:2]


@pytest.mark.parametrize("name", MAKERS)
def test_trimming_changes_no_ids_of_the_texts_at_hand(name, tmp_path):
    path = saved(MAKERS[name](), tmp_path)
    whole, trimmed = published(path), published(path, trim_to=PARTS)
    assert len(set(trimmed.rows)) == trimmed.size < whole.size and set(trimmed.rows) <= set(whole.rows)
    for text in PARTS:
        ids = trimmed.encode(text)
        assert [trimmed.rows[i] for i in ids] == [whole.rows[i] for i in whole.encode(text)]
    assert trimmed.rows[0] == whole.rows[0], "padding stays the first"
    for text in some_texts(100):
        assert all(0 <= i < trimmed.size for i in trimmed.encode(text))


def test_words_of_known_letters_stay_known(tmp_path):
    trimmed = published(saved(bert(size=200), tmp_path), trim_to=["the cat"])
    assert trimmed.unknown not in trimmed.encode("that hat ate tea")
    assert trimmed.unknown in trimmed.encode(CORPUS[3])


def told(**changes):
    return {**json.loads(bert().to_str()), **changes}


def model(**changes):
    return told(model={**told()["model"], **changes})


def around(i):
    return {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", i]}


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "expected a tokenizer as the library tokenizers saves it, got no JSON"),
        ("[]", "got no object with a model"),
        (json.dumps({"model": {}}), "got 'vocab'"),
        (json.dumps(model(type="Neural")), "got a model 'Neural'"),
        (json.dumps(model(vocab={})), "got an empty vocabulary"),
        (json.dumps(model(vocab={"a": 0, "b": 0})), "got ids that are no different numbers from 0 to 4,194,303"),
        (json.dumps(model(vocab={"a": -1})), "got ids that are no different numbers"),
        (json.dumps(model(vocab={"a": "1"})), "got ids that are no different numbers"),
        (json.dumps(model(vocab=[1, 2])), "a tokenizer as the library"),
        (json.dumps(told(added_tokens=[{"content": "x"}])), "got 'id'"),
        (json.dumps(told(post_processor={"type": "Odd"})), "got data did not match any variant"),
        (json.dumps(told(pre_tokenizer={"type": "Odd"})), "got data did not match any variant"),
        (json.dumps(told(normalizer="x")), "got data did not match any variant"),
        (json.dumps(told(post_processor=around(999))), "got ids around a text that the vocabulary lacks"),
        (json.dumps(told(post_processor=around("[CLS]"))), "expected a tokenizer as the library tokenizers saves it"),
    ],
)
def test_an_odd_file_is_refused_in_one_line(content, words, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        published(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_kind_that_needs_the_library_says_so_where_it_is_not_installed(tmp_path, monkeypatch):
    ours, theirs = saved(bert(), tmp_path / "a"), saved(MAKERS["gpt2"](), tmp_path / "b")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert published(ours).size == 120
    with pytest.raises(DataError, match=r"the package tokenizers.* got none installed; pip install 'nasweave\[text\]'"):
        published(theirs)


def test_ids_with_gaps_are_numbered_anew(tmp_path):
    content = told()
    vocab = content["model"]["vocab"]
    content["model"]["vocab"] = {piece: i if i < 5 else i + 700 for piece, i in vocab.items()}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    encoder = published(tmp_path / "tokenizer.json")
    assert encoder.size == len(vocab) and encoder.rows == (*range(5), *range(705, 700 + len(vocab)))
    plain = published(saved(bert(), tmp_path / "plain"))
    assert plain.size == encoder.size


def test_cutting_and_chance_of_the_file_do_not_count(tmp_path):
    tokenizer = bert()
    before = tokenizer.encode(CORPUS[0]).ids
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=50, pad_token="[PAD]", pad_id=0)
    assert published(saved(tokenizer, tmp_path)).encode(CORPUS[0]) == before
    pairs = json.loads(MAKERS["gpt2"]().to_str())
    pairs["model"]["dropout"] = 0.5
    (tmp_path / "tokenizer.json").write_text(json.dumps(pairs))
    encoder = published(tmp_path / "tokenizer.json")
    assert len({tuple(encoder.encode(CORPUS[0])) for _ in range(20)}) == 1
