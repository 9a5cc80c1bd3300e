"""The programs that travel with a network find the ids that the library tokenizers finds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from supernet.tokenizers import bert, learned, library, published
from tests.supernet.tokenizers.made import CORPUS, MAKERS, PLAIN, saved, some_texts, tokenizers


def reference(tokenizer, text, most):
    if most is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(most)
    return tokenizer.encode(text).ids


@pytest.mark.parametrize("name", PLAIN)
def test_python_alone_finds_the_ids_of_the_library(name):
    tokenizer = MAKERS[name]()
    vocabulary = bert.Vocabulary.from_json(tokenizer.to_str())
    for i, text in enumerate(some_texts(2500)):
        most = (None, 4, 12)[i % 3]
        assert vocabulary.encode(text, most=most) == reference(tokenizer, text, most), repr(text)


def test_every_character_is_cleaned_and_parted_as_the_library_does():
    tokenizer = MAKERS["bert"]()
    vocabulary = bert.Vocabulary.from_json(tokenizer.to_str())
    newer = {"\U00011938"}  # was given a decomposition after the library's Unicode
    numbers = [*range(0x3100), *range(0x3100, 0xA000, 97), *range(0xA000, 0xAC00), *range(0xAC00, 0xF900, 97)]
    numbers += [*range(0xF900, 0x12000), *range(0x12000, 0x1D000, 7), *range(0x1D000, 0x1EF00)]
    numbers += [*range(0x1EF00, 0x110000, 997), *range(0xE0000, 0xE0200)]
    characters = [c for c in map(chr, numbers) if not 0xD800 <= ord(c) < 0xE000 and c not in newer]
    unassigned_here = 0
    for start in range(0, len(characters), 500):
        part = characters[start : start + 500]
        text = "|".join(part)
        cleaned = tokenizer.normalizer.normalize_str(text)
        expected = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(cleaned)]
        found = vocabulary.words(text)
        if found != expected:  # capitals that this Python does not know yet
            differing = [(a, b) for a, b in zip(found, expected, strict=True) if a != b]
            assert all(not a.isprintable() for a, _ in differing), differing
            unassigned_here += len(differing)
    assert unassigned_here < 100


@pytest.mark.parametrize("name", MAKERS)
def test_a_published_tokenizer_keeps_its_ids_but_for_their_numbers(name, tmp_path):
    tokenizer = MAKERS[name]()
    encoder = published(saved(tokenizer, tmp_path))
    assert (encoder.program == learned(CORPUS, kind="words", size=300, lowercase=True).program) == (name in PLAIN)
    assert sorted(i for i in encoder.rows if i >= 0) == list(range(tokenizer.get_vocab_size()))
    for i, text in enumerate(some_texts(400)):
        most = (None, 4)[i % 2]
        ids = encoder.encode(text, most=most)
        assert [encoder.rows[i] for i in ids] == reference(tokenizer, text, most), repr(text)
        assert 0 not in ids or "[PAD]" in text, "the first id is padding, which no text has"
    assert not encoder.special & set(encoder.encode("cat")[1:-1])


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_the_program_of_an_export_runs_away_from_the_sources(name, tmp_path):
    encoder = published(saved(MAKERS[name](), tmp_path))
    (tmp_path / "tokenizer.py").write_text(encoder.program)
    (tmp_path / "tokenizer.json").write_text(encoder.content)
    texts = some_texts(50)
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    code = (
        "import json, sys; sys.path.insert(0, '.'); from tokenizer import Vocabulary; "
        "v = Vocabulary.from_json(open('tokenizer.json').read()); "
        "print([v.encode(t, most=9) for t in json.load(open('texts.json'))])"
    )
    bare = ["-I", "-S"] if name == "bert" else ["-I"]
    done = subprocess.run([sys.executable, *bare, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert json.loads(done.stdout) == [encoder.encode(t, most=9) for t in texts], done.stderr


def test_halves_of_characters_are_no_error():
    for name, program in (("bert", bert), ("gpt2", library)):
        assert program.Vocabulary.from_json(MAKERS[name]().to_str()).encode("a \ud800 b", most=3)


@pytest.mark.parametrize("kind", ["words", "wordpiece"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_what_is_learned_is_a_tokenizer_of_the_library_too(kind, lowercase):
    encoder = learned(CORPUS * 2, kind=kind, size=300, lowercase=lowercase)
    tokenizer = tokenizers.Tokenizer.from_str(encoder.content)
    assert tokenizer.get_vocab_size() == encoder.size <= 300
    for text in some_texts(300):
        assert encoder.encode(text) == tokenizer.encode(text).ids, repr(text)
    again = learned(CORPUS * 2, kind=kind, size=300, lowercase=lowercase)
    assert again.content == encoder.content, "the same texts give the same ids"
    assert not any(encoder.unknown in encoder.encode(text) for text in CORPUS), "what was learned from is known"


def test_fewer_ids_are_the_most_frequent_ones():
    texts = ["b b b a a c"]
    small, large = (learned(texts, kind="words", size=size, lowercase=True) for size in (5, 9))
    assert [small.encode(w)[0] for w in "bac"] == [3, 4, small.unknown]
    assert [large.encode(w)[0] for w in "bac"] == [3, 4, 5]
    pieces = learned(["abab abab ab cd"], kind="wordpiece", size=300, lowercase=True)
    assert len(pieces.encode("abab")) == 3 and len(pieces.encode("cd")) == 4, "a pair that occurs once stays two"
