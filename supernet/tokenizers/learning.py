"""Vocabularies in the form of BERT, learned from the user's texts: pieces of words, or whole words.

Texts are parted into words as ``bert.py`` does it. Pieces grow from characters as byte pairs do, so that the same texts
always give the same ids, which the trainers of the library ``tokenizers`` do not.

Papers: Sennrich et al. 2016 (merging pairs); Devlin et al. 2019, BERT (what stands around a text).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from supernet.tokenizers.bert import Vocabulary
from supernet.tokenizers.byte_pairs import frequent_pairs
from supernet.tokenizers.document import Document

__all__ = ["word_pieces", "words"]

_SPECIAL = ("[PAD]", "[UNK]", "[MASK]")
_AROUND = ("[CLS]", "[SEP]")
_INSIDE = "##"
_MOST_WORDS = 50_000


def words(texts: Iterable[str], *, size: int, lowercase: bool) -> Document:
    """Return the most frequent words of texts as a tokenizer of at most ``size`` ids."""
    found = [word for word, _ in _counted(texts, lowercase=lowercase)]
    return Document.of(_told("WordLevel", [*_SPECIAL, *found][:size], lowercase=lowercase))


def word_pieces(texts: Iterable[str], *, size: int, lowercase: bool) -> Document:
    """Return the most frequent pieces of words as a tokenizer of at most ``size`` ids; two stand around each text.

    Of its ids at most a half are single characters: the most frequent ones.
    """
    special = [*_SPECIAL, *_AROUND]
    counted = [(_letters(word), n) for word, n in _counted(texts, lowercase=lowercase)[:_MOST_WORDS]]
    seen: Counter[str] = Counter()
    for letters, n in counted:
        for letter in letters:
            seen[letter] += n
    ranked = sorted(seen, key=lambda letter: (-seen[letter], letter))[: (size - len(special)) // 2]
    pieces, ids = [*special, *ranked], {letter: len(special) + i for i, letter in enumerate(ranked)}
    known = [(letters, n) for letters, n in counted if all(letter in ids for letter in letters)]
    spelled, weights = [[ids[letter] for letter in letters] for letters, _ in known], [n for _, n in known]
    for left, right in frequent_pairs(spelled, weights, new=len(pieces), most=size - len(pieces)):
        pieces.append(pieces[left] + pieces[right].removeprefix(_INSIDE))
    return Document.of(_told("WordPiece", pieces, lowercase=lowercase))


def _counted(texts: Iterable[str], *, lowercase: bool) -> list[tuple[str, int]]:
    """Return the words of texts and how often each occurs, the most frequent first."""
    none = Document.of(_told("WordLevel", list(_SPECIAL), lowercase=lowercase))
    find = Vocabulary.from_json(none.to_json()).words
    counts = Counter(word for text in texts for word in find(text))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _letters(word: str) -> list[str]:
    return [word[0], *(_INSIDE + letter for letter in word[1:])]


def _told(kind: str, pieces: Sequence[str], *, lowercase: bool) -> dict[str, Any]:
    """Return the JSON of a tokenizer of BERT's parts."""
    ids = {piece: i for i, piece in enumerate(pieces)}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    model: dict[str, Any] = {"type": kind, "vocab": ids, "unk_token": "[UNK]"}
    if kind == "WordPiece":
        model |= {"continuing_subword_prefix": _INSIDE, "max_input_chars_per_word": 100}
    around = [name for name in _AROUND if name in ids]
    single = [{"SpecialToken": {"id": name, "type_id": 0}} for name in around]
    single.insert(1, {"Sequence": {"id": "A", "type_id": 0}})
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": ids[name], "special": True, "content": name, **flags} for name in (*_SPECIAL, *around)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": model,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in around},
        },
        "decoder": {"type": "WordPiece", "prefix": _INSIDE, "cleanup": True} if kind == "WordPiece" else None,
    }
