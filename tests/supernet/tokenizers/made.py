"""Tokenizers of each kind, made on the spot by the library, and texts of every sort."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

tokenizers = pytest.importorskip("tokenizers", reason="the reference of these tests")

CORPUS = [
    "The cat sat on the mat; the cats that sat there sing along.",
    "Where is the caf\u00e9? There, at the mat! \u00c9cole, na\u00efve, stra\u00dfe.",
    "def answer(question): return [0] + {'a': 1}.items() # 42",
    "\u6f22\u5b57 \u4e2d\u6587 \u65e5\u672c\u8a9e \U0001f600 \U0001f916",
]
POOLS = (
    "abcdefghij  klmnop",
    "ABC\u00c0\u00c9\u00ce\u00f5\u00fc\u00f1\u00e7 \u00df\u0130\u03a3\u03c3\u03c2",
    "\u6f22\u5b57\u4e2d\u6587\u65e5\u672c\u8a9e\u30ab\u30bf\u30ca",
    "\U0001f600\U0001f916\u200d\U0001f469\U0001f1e9\u2764\ufe0f",
    " \t\n\r\x0b\x85\u00a0\u200b\u3000\x00\ufffd",
    "def f(x): return x[0]+{'a':1}#$^`|~<=>",
    "0123456789.,;:!?-_()\u2014\u201c\u00bf",
    "\ud55c\uad6d\uc5b4 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 ",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22",
    "e\u0301\u0323a\u030a\u0308o",
)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def some_texts(n: int, *, seed: int = 0) -> list[str]:
    """Return texts of many scripts, of code, of what stands in no language, and empty ones."""
    rng = random.Random(seed)

    def character() -> str:
        if rng.random() < 0.95:
            return rng.choice(rng.choice(POOLS))
        return chr(rng.choice([rng.randint(0, 0x2FFF), rng.randint(0, 0xD7FF), rng.randint(0xE000, 0x10FFFF)]))

    made = ["", " ", "[MASK]", "\u200b", "x" * 300]
    while len(made) < n:
        text = "".join(character() for _ in range(rng.randint(0, 40)))
        text = rng.choice(CORPUS)[rng.randint(0, 20) :] + text if rng.random() < 0.3 else text
        made.append(text.replace("a", rng.choice(SPECIAL), 1) if rng.random() < 0.2 else text)
    return made


def bert(*, size: int = 120, lowercase: bool = True, strip_accents: bool | None = None) -> Any:
    """Return word pieces in the form of BERT."""
    t = tokenizers
    made = t.Tokenizer(t.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = t.normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    made.pre_tokenizer = t.pre_tokenizers.BertPreTokenizer()
    trainer = t.trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    made.train_from_iterator(CORPUS, trainer)
    ends = [(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    made.post_processor = t.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return made


def words() -> Any:
    """Return whole words, split as BERT does it."""
    t = tokenizers
    made = t.Tokenizer(t.models.WordLevel(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = t.normalizers.BertNormalizer(), t.pre_tokenizers.BertPreTokenizer()
    trainer = t.trainers.WordLevelTrainer(vocab_size=60, special_tokens=SPECIAL, show_progress=False)
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = t.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def byte_level(*special: str) -> Any:
    """Return pairs of bytes, as GPT-2 has them without special pieces, RoBERTa with them."""
    t = tokenizers
    made = t.Tokenizer(t.models.BPE())
    made.pre_tokenizer = t.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = t.trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=list(special),
        initial_alphabet=t.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS * 3, trainer)
    if special:
        made.post_processor = t.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made


def unigram() -> Any:
    """Return pieces by their probability, as T5 and XLM-RoBERTa have them."""
    t = tokenizers
    made = t.Tokenizer(t.models.Unigram())
    made.normalizer, made.pre_tokenizer = t.normalizers.NFKC(), t.pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = t.trainers.UnigramTrainer(vocab_size=110, special_tokens=special, unk_token="<unk>", show_progress=False)
    made.train_from_iterator(CORPUS * 3, trainer)
    made.post_processor = t.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return made


MAKERS = {
    "bert": bert,
    "cased": lambda: bert(lowercase=False),
    "accents": lambda: bert(strip_accents=False),
    "words": words,
    "gpt2": byte_level,
    "roberta": lambda: byte_level("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
    "unigram": unigram,
}
PLAIN = ("bert", "cased", "accents", "words")


def saved(tokenizer: Any, folder: Path) -> Path:
    """Write a tokenizer as its users do, and return its file."""
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"
