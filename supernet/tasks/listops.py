"""ListOps: the value of a nested expression such as ``[MAX 2 9 [MIN 4 7 ] 0 ]``, generated, the same for one seed.

A node is an operator with probability 1/4, else a digit, and a digit at ``max_depth``; an operator (MIN, MAX, MED, SM:
the sum modulo ten) has 2 to ``max_args`` arguments. Expressions of fewer than ``min_length`` or more than
``max_length`` symbols are drawn again, and none occurs twice. The benchmark's own lengths, 500 to 2,000 in a sequence
of 2,048, are ``min_length=500 max_length=2000 seq_len=2048``; its 96,000 training examples take long to draw.

Papers: Nangia & Bowman 2018, ListOps; Tay et al. 2021, Long Range Arena (grammar and lengths).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from search_space.errors import ConfigError
from search_space.spec import Scalar, TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.memory import require_memory
from supernet.readers.words import shown
from supernet.tasks._base import Split, Task, TaskData, data_hash
from supernet.tasks._classification import ClassificationData, class_scores
from supernet.tasks._options import Option
from supernet.tasks._summary import class_facts, rows_shown, sizes_text

SYMBOLS = ("", *"0123456789", "[MIN", "[MAX", "[MED", "[SM", "]")
"""Symbols by id; 0 is padding."""

_DIGIT, _OPERATOR, _END = 1, 11, 15
_OPERATOR_SHARE = 0.25
_PATIENCE = 100_000  # expressions drawn in vain for one


def _count(default: int, meaning: str, *, low: int) -> Option:
    return Option(default=default, meaning=meaning, low=low, high=1_000_000, why="drawing more takes hours")


def _length(default: int, meaning: str, *, low: int = 1) -> Option:
    why = "the attention of a longer sequence takes more memory than machines have"
    return Option(default=default, meaning=meaning, low=low, high=65_536, why=why)


class ListOps(Task):
    """Ten classes: the value of the expression."""

    licence = "apache-2.0"
    source = "expressions drawn by nasweave itself after Nangia & Bowman 2018"

    options: ClassVar[Mapping[str, Option]] = {
        "examples": _count(10_000, "training examples", low=10),
        "held_out": _count(1_000, "examples of validation and of the test each", low=1),
        "min_length": _length(16, "least number of symbols of an expression"),
        "max_length": _length(256, "largest number of symbols of an expression", low=4),
        "seq_len": _length(256, "length of a sequence, not below `max_length`", low=4),
        "max_depth": Option(
            default=10, meaning="levels of nesting", low=2, high=1_000, why="no expression of the lengths is deeper"
        ),
        "max_args": Option(
            default=10,
            meaning="largest number of arguments of an operator",
            low=2,
            high=1_000,
            why="no expression of the lengths has more",
        ),
        "seed": Option(default=0, meaning="of the expressions", high=2**32 - 1, why="it has 32 bits"),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Draw ``examples`` for training and ``held_out`` each for validation and test; no file is read."""
        numbers = {name: int(value) for name, value in options.items()}
        _check(numbers)
        rng = np.random.default_rng(numbers["seed"])
        total = numbers["examples"] + 2 * numbers["held_out"]
        ids = torch.zeros(total, numbers["seq_len"], dtype=torch.uint8)
        targets = torch.zeros(total, dtype=torch.int64)
        seen: set[bytes] = set()
        for row in range(total):
            expression = _new(rng, numbers, seen)
            ids[row, : len(expression)] = torch.frombuffer(bytearray(expression), dtype=torch.uint8)
            targets[row] = value(expression)
        shape = TaskShape(
            input_shape=(numbers["seq_len"],),
            num_outputs=10,
            seq_len=numbers["seq_len"],
            vocab_size=len(SYMBOLS),
            padded=True,
            stem="tokens",
            head="pooled",
        )
        sizes = [numbers["examples"], numbers["held_out"], numbers["held_out"]]
        names = ("train", "validation", "test")
        parts = zip(names, torch.split(ids, sizes), torch.split(targets, sizes), strict=True)
        splits = {name: Split(stored=x, targets=y) for name, x, y in parts}
        content = data_hash(shape, sizes, ids, targets)
        return ClassificationData(
            shape=shape,
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            data_hash=content,
            preparation=(
                {"do": "encode", "as": "symbols", "symbols": {name: i for i, name in enumerate(SYMBOLS) if name}},
                {"do": "pad", "length": numbers["seq_len"], "value": 0},
            ),
            meaning=class_scores(10),
            summary=_summary(splits),
        )


def _summary(splits: Mapping[str, Split]) -> DataSummary:
    train = splits["train"]
    texts = [" ".join(SYMBOLS[i] for i in train.stored[row].tolist() if i) for row in rows_shown(len(train))]
    return DataSummary(
        facts={
            "examples": sizes_text({name: len(part) for name, part in splits.items()}, what="drawn, none twice"),
            **class_facts(train.targets, [str(i) for i in range(10)], evaluated=splits["validation"].targets),
        },
        examples=tuple(
            Example(text=shown(text, most=200), target=str(int(train.targets[row])))
            for row, text in zip(rows_shown(len(train)), texts, strict=True)
        ),
    )


def _check(numbers: Mapping[str, int]) -> None:
    least = {"max_length": numbers["min_length"], "seq_len": numbers["max_length"]}
    for name, low in least.items():
        if numbers[name] < low:
            raise ConfigError(
                f"task.options.{name}", expected=f"{low} or more", got=str(numbers[name]), remedy="correct it"
            )
    total = numbers["examples"] + 2 * numbers["held_out"]
    require_memory(
        3 * total * numbers["seq_len"],  # bytes, those remembered to draw none twice, and a copy for the hash
        parameter="task.options.examples",
        what=f"{total:,} sequences of {numbers['seq_len']:,} symbols",
        remedy="lower task.options.examples or task.options.seq_len",
    )


def _new(rng: np.random.Generator, numbers: Mapping[str, int], seen: set[bytes]) -> bytes:
    for _ in range(_PATIENCE):
        expression = draw(
            rng, max_length=numbers["max_length"], max_depth=numbers["max_depth"], max_args=numbers["max_args"]
        )
        if expression is not None and len(expression) >= numbers["min_length"] and expression not in seen:
            seen.add(expression)
            return expression
    raise ConfigError(
        "task.options.min_length",
        expected="a length that expressions of this depth and number of arguments reach",
        got=str(numbers["min_length"]),
        remedy="lower it, or raise task.options.max_depth or task.options.max_args",
    )


def draw(rng: np.random.Generator, *, max_length: int, max_depth: int, max_args: int) -> bytes | None:
    """Return one expression as ids, or ``None`` where it became longer than ``max_length``.

    The tree is grown depth first; ``waiting`` holds how many arguments each open operator still lacks.
    """
    ids = bytearray()
    waiting: list[int] = []
    uniform: list[float] = []
    while True:
        uniform = uniform or rng.random(64).tolist()
        chance = uniform.pop()
        depth = len(waiting) + 1
        if chance < _OPERATOR_SHARE and depth < max_depth:
            choice = int(chance / _OPERATOR_SHARE * 4 * (max_args - 1))  # operator and number of arguments at once
            ids.append(_OPERATOR + choice % 4)
            waiting.append(2 + choice // 4)
        else:
            # The last level holds digits alone, so there a small chance is a digit too.
            left = chance if depth >= max_depth else (chance - _OPERATOR_SHARE) / (1 - _OPERATOR_SHARE)
            ids.append(_DIGIT + int(left * 10))
            while waiting and waiting[-1] == 1:
                waiting.pop()
                ids.append(_END)
            if not waiting:
                return bytes(ids) if len(ids) <= max_length else None
            waiting[-1] -= 1
        if len(ids) > max_length:
            return None


def value(expression: bytes) -> int:
    """Return what an expression of ids evaluates to, 0 to 9."""
    open_: list[tuple[int, list[int]]] = []
    result = -1
    for symbol in expression:
        if _OPERATOR <= symbol < _END:
            open_.append((symbol, []))
            continue
        if symbol == _END:
            operator, arguments = open_.pop()
            result = _apply(operator, arguments)
        else:
            result = symbol - _DIGIT
        if open_:
            open_[-1][1].append(result)
    return result


def _apply(operator: int, arguments: list[int]) -> int:
    name = SYMBOLS[operator]
    if name == "[MIN":
        return min(arguments)
    if name == "[MAX":
        return max(arguments)
    if name == "[SM":
        return sum(arguments) % 10
    return int(np.median(arguments))


TASK = ListOps
