"""Text tasks: the vocabulary against the algorithm as its paper writes it, bits against probabilities, bad input."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from search_space.errors import ConfigError, DataError
from supernet.readers.labelled import Texts
from supernet.tasks import TASKS
from supernet.tasks._language import byte_data
from supernet.tasks._text import text_data
from supernet.tokenizers.byte_pairs import Vocabulary
from tests.supernet.tasks.samples import texts, write_texts

CORPUS = ["the cat sat on the mat", "the cats that sat there", "Where is the caf\u00e9?  there, at the  mat!", "a\n\nb"]


def learn_slowly(corpus: list[str], merges: int) -> list[tuple[int, int]]:
    """Count every pair anew before each merge; of equally frequent ones the pair of the smallest ids is merged."""
    words = Counter(w for text in corpus for w in re.findall(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+", text))
    split = {w: [1 + byte for byte in w.encode()] for w in words}
    done = []
    while len(done) < merges:
        pairs = Counter()
        for w, pieces in split.items():
            for i in range(len(pieces) - 1):
                pairs[pieces[i], pieces[i + 1]] += words[w]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        done.append(best)
        for w, pieces in split.items():
            i, new = 0, []
            while i < len(pieces):
                found = tuple(pieces[i : i + 2]) == best
                new.append(256 + len(done) if found else pieces[i])
                i += 2 if found else 1
            split[w] = new
    return done


@pytest.mark.parametrize("merges", [0, 1, 5, 1000])
def test_merges_are_those_of_counting_anew(merges):
    corpus = [*CORPUS, "aaaa aaaa aaab abab ababab", *(t for t, _ in texts(40))]
    assert list(Vocabulary.learn(corpus, size=257 + merges).merges) == learn_slowly(corpus, merges)


@pytest.mark.parametrize("size", [257, 258, 270, 10_000])
def test_text_comes_back_and_nothing_is_unknown(size):
    vocabulary = Vocabulary.learn(CORPUS, size=size)
    assert 257 <= vocabulary.size <= size
    for text in [*CORPUS, "", " \t ", "\u6f22\u5b57 never seen \U0001f600"]:
        ids = vocabulary.encode(text)
        assert vocabulary.decode([*ids, 0, 0]) == text
        assert all(0 < i < vocabulary.size for i in ids)
    again = Vocabulary.from_json(vocabulary.to_json())
    assert again.encode(CORPUS[0]) == vocabulary.encode(CORPUS[0])


def test_merging_is_that_of_learning():
    """Encoding a training word gives the pieces that learning ended with: fewer with every merge."""
    lengths = [len(Vocabulary.learn(CORPUS, size=257 + n).encode(" the cats that")) for n in (0, 2, 6, 40)]
    assert lengths[0] == 14 and lengths == sorted(lengths, reverse=True) and lengths[-1] <= 7


def test_lower_case_is_an_option():
    vocabulary = Vocabulary.learn(CORPUS, size=300, lowercase=True)
    assert vocabulary.encode("WHERE") == vocabulary.encode("where")
    assert vocabulary.decode(vocabulary.encode("WHERE")) == "where"


def split_texts(n, seed):
    rows = texts(n, seed=seed)
    return Texts(texts=[t for t, _ in rows], labels=[y for _, y in rows])


def make(**changes):
    splits = {"train": split_texts(30, 0), "validation": split_texts(9, 1), "test": split_texts(9, 2)}
    splits |= {name: changes.pop(name) for name in [*splits] if name in changes}
    options = TASKS["text"].complete({"vocabulary": 300, **changes})
    return text_data(splits.pop("train"), **splits, options=options, data_root=Path(), where="mine", splits_made="here")


def test_the_vocabulary_is_that_of_the_training_texts_and_travels_with_the_network():
    data = make()
    assert data.files == make(test=Texts(texts=["other words entirely"], labels=["intent_0"])).files
    vocabulary = Vocabulary.from_json(data.files["vocabulary.json"])
    assert vocabulary.size == data.shape.vocab_size and json.loads(data.files["vocabulary.json"])["padding"] == 0
    train = split_texts(30, 0)
    inputs, targets = data.train.batch(slice(None))
    for i, text in enumerate(train.texts):
        assert vocabulary.decode(inputs[i].tolist()) == text
        real = int((inputs[i] != 0).sum())
        assert not inputs[i, real:].any() and inputs[i, :real].all()
    assert [data.files["labels.txt"].split()[i] for i in targets] == train.labels
    assert data.shape.padded and data.shape.seq_len % 8 == 0


def test_longer_texts_are_cut_and_counted():
    data = make(test=Texts(texts=["play " * 99], labels=["intent_1"]))
    assert (data.test.inputs != 0).all()
    length = data.shape.seq_len
    assert re.match(
        rf"1 of 40 texts are cut to {length} pieces, \d+\.\d % of all; the longest has 102 ", note_of(data, "cut")
    )
    shorter = make(max_tokens=8)
    assert shorter.shape.seq_len == 8 and torch.equal(shorter.train.stored, make().train.stored[:, :8])


def note_of(data, word):
    (note,) = (note for note in data.summary.notes if word in note)
    return note


def test_training_loses_a_share_of_the_pieces_but_no_padding():
    data, plain = make(token_dropout=0.25), make()
    inputs, _ = data.train.batch(slice(None))
    inputs = inputs.repeat(50, 1)
    changed = data.augment(inputs, torch.Generator().manual_seed(0))
    real = inputs != 0
    assert (changed[changed != inputs] == 1).all() and not (inputs == 1).any()
    assert (changed != inputs)[real].float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(changed[~real], inputs[~real])
    assert torch.equal(plain.augment(inputs, torch.Generator().manual_seed(0)), inputs)
    assert data.data_hash != plain.data_hash


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"train": Texts(texts=["a", "b"], labels=["x", "x"])},
            r"^mine: train: expected labels of two kinds or more, got \['x'\]",
        ),
        ({"train": Texts(texts=[], labels=[])}, r"^mine: train: expected examples with labels, got none"),
        ({"test": Texts(texts=["a"], labels=["unheard"])}, r"^mine: test: .*'unheard', which they have not"),
        ({"validation": Texts(texts=[], labels=[])}, r"^mine: validation: .*got none"),
    ],
)
def test_bad_texts_are_named(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)


def language(context=4):
    train, validation, test = b"abcdefghij" * 3, b"0123456789", b"ABCDEFGHI"
    return byte_data(train, validation=validation, test=test, context=context, where="mine", splits_made="here")


def test_each_byte_is_predicted_from_those_before_it():
    data = language()
    assert len(data.train) == 30 - 4
    for split, raw in ((data.train, b"abcdefghij" * 3), (data.validation, b"0123456789"), (data.test, b"ABCDEFGHI")):
        predicted = set()
        for i in range(len(split)):
            inputs, targets = (bytes(t[0].tolist()) for t in split.batch(slice(i, i + 1)))
            assert targets[:-1] == inputs[1:]
            start = (raw + raw).find(inputs + targets[-1:])
            assert start >= 0
            predicted |= set(range(start + 1, start + 5))
        if split is not data.train:
            assert predicted == set(range(1, len(raw)))
    assert len(data.test) == 2 and len(data.validation) == 3  # nine bytes divide evenly, ten do not


def test_bits_are_those_of_the_probabilities():
    data = language()
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 4, 256, dtype=torch.float64, generator=generator)
    teacher = torch.randn(3, 4, 256, dtype=torch.float64, generator=generator)
    targets = torch.randint(0, 256, (3, 4), generator=generator)
    p, q = teacher.exp() / teacher.exp().sum(-1, keepdim=True), outputs.exp() / outputs.exp().sum(-1, keepdim=True)
    bits = torch.tensor([[-math.log2(q[b, i, targets[b, i]]) for i in range(4)] for b in range(3)])
    torch.testing.assert_close(data.measure.errors(outputs, targets), bits.double().mean(1), rtol=1e-5, atol=1e-6)
    nats = data.measure.errors(outputs, targets) * math.log(2)
    torch.testing.assert_close(data.loss(outputs, targets, reduction="none"), nats)
    torch.testing.assert_close(data.loss(outputs, targets), nats.mean())
    torch.testing.assert_close(data.soft_loss(outputs, teacher, targets), (p * (p / q).log()).sum(-1).mean())
    uniform = torch.zeros(3, 4, 256)
    torch.testing.assert_close(data.measure.errors(uniform, targets), torch.full((3,), 8.0))


@pytest.mark.parametrize("raw, got", [(b"", "empty text"), (b"abcd", "4 bytes")])
def test_too_little_text_is_named(raw, got):
    with pytest.raises(DataError, match=rf"^mine: test: expected more text than one window of 4 bytes, got {got}"):
        byte_data(b"abcdefgh", validation=b"abcdefgh", test=raw, context=4, where="mine", splits_made="here")


def load(path, **options):
    return TASKS["text"].load(options={"path": str(path), "vocabulary": 280, **options})


def test_a_table_of_texts_in_each_format(tmp_path):
    rows = texts(60)
    expected = load(write_texts(tmp_path / "a.csv", rows))
    assert [len(s) for s in (expected.train, expected.validation, expected.test)] == [49, 5, 6]
    (tmp_path / "a.tsv").write_text("label\ttext\n" + "".join(f"{y}\t{t}\n" for t, y in rows))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"q": t, "a": y, "id": 1}) + "\n" for t, y in rows))
    assert load(tmp_path / "a.tsv").data_hash == expected.data_hash
    assert load(tmp_path / "a.jsonl", text="q", label="a").data_hash == expected.data_hash


def test_files_of_its_own_for_validation_and_test(tmp_path):
    paths = [write_texts(tmp_path / f"{i}.csv", texts(n, seed=i)) for i, n in enumerate((30, 9, 12))]
    data = load(paths[0], validation_path=str(paths[1]), test_path=str(paths[2]))
    assert [len(s) for s in (data.train, data.validation, data.test)] == [30, 9, 12]


def test_plain_text_is_modelled_byte_by_byte(tmp_path):
    (tmp_path / "a.txt").write_text("hello world " * 100)
    data = load(tmp_path / "a.txt", context=8)
    assert data.shape.causal and data.metric.unit == "bits/byte" and len(data.train) == 1080 - 8


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "", r"a\.csv: expected text, got an empty file"),
        (
            "a.csv",
            "sentence,class\nhi,x\n",
            r"a\.csv: the header: expected columns text, label, got sentence, class; .*options\.text",
        ),
        ("a.csv", "text,label\n", r"a\.csv: expected rows with a text and a label, got none"),
        (
            "a.csv",
            "text,label\na,x\nb,y\n",
            r"a\.csv: expected two classes or more with 3 examples each, .*got 2 examples, 1 of 'x'; add rows",
        ),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text"', r"a\.jsonl: line 2: expected a JSON object"),
        ("a.jsonl", '{"text": "a"}\n', r"a\.jsonl: line 1: expected columns text, label, got text"),
        ("a.jsonl", "[1]\n", r"a\.jsonl: line 1: expected a JSON object, got list"),
        ("a.doc", "text", r"a\.doc: expected a file that ends in \.csv, \.tsv, \.parquet, .*\.jsonl, got \.doc"),
        ("a.txt", " \n", r"a\.txt: expected text, got an empty file"),
        ("a.txt", "short", r"a\.txt: train: expected more text than one window of 256 bytes"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / name)


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n\xff\xfe,x\n")
    with pytest.raises(DataError, match=r"a\.csv: expected a readable UTF-8 file"):
        load(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"^task\.options\.path: expected a file .*\.txt.*, got nothing at"):
        load(tmp_path / "missing.csv")
    with pytest.raises(ConfigError, match=r"^task\.options\.path"):
        TASKS["text"].load()
