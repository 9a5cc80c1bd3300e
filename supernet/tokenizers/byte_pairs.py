"""Byte-pair encoding: a vocabulary of pieces of words, learned from training text; no text is unknown to it.

Every byte of UTF-8 is a piece. Then, again and again, the most frequent pair of neighbouring pieces inside a word
becomes a piece of its own. A word takes the space before it with it, so joining the pieces gives the text back.

Papers: Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units; Radford et al. 2019 (bytes).
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Vocabulary", "frequent_pairs"]

_WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")
_FIRST = 1  # id 0 is padding
_MAX_WORDS = 50_000
_LONGEST_WORD = 256  # longer ones are cut: merging takes time with the square of the length
Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Vocabulary:
    """Ids of pieces: 0 is padding, 1 to 256 are the bytes, then the merged pairs in the order of their learning.

    Parameters
    ----------
    merges
        The pairs of ids that became pieces.
    lowercase
        Whether text is put in lower case first.
    """

    merges: tuple[Pair, ...]
    lowercase: bool = False
    _ranks: dict[Pair, int] = field(init=False, repr=False)
    _known: dict[str, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})
        object.__setattr__(self, "_known", {})

    @classmethod
    def learn(cls, texts: Iterable[str], *, size: int, lowercase: bool = False) -> Vocabulary:
        """Return a vocabulary of at most ``size`` ids; fewer where no pair occurs twice any more."""
        counts = Counter(w for text in texts for w in _words(text.lower() if lowercase else text))
        frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MAX_WORDS]
        words = [[_FIRST + byte for byte in word.encode()] for word, _ in frequent]
        merges = frequent_pairs(words, [n for _, n in frequent], new=_FIRST + 256, most=size - _FIRST - 256)
        return cls(merges=tuple(merges), lowercase=lowercase)

    @property
    def size(self) -> int:
        """Number of ids, padding included."""
        return _FIRST + 256 + len(self.merges)

    def encode(self, text: str, *, most: int | None = None) -> list[int]:
        """Return the ids of a text, the first ``most`` of a longer one."""
        ids: list[int] = []
        for word in _words(text.lower() if self.lowercase else text):
            if word not in self._known:
                self._known[word] = tuple(self._pieces([_FIRST + byte for byte in word.encode()]))
            ids += self._known[word]
        return ids if most is None else ids[:most]

    def _pieces(self, ids: list[int]) -> list[int]:
        """Apply the merges in the order in which they were learned."""
        while len(ids) > 1:
            best = min(pairwise(ids), key=lambda pair: self._ranks.get(pair, len(self.merges)))
            if best not in self._ranks:
                break
            ids = _merged(ids, best, _FIRST + 256 + self._ranks[best])
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; padding is nothing, bytes that are no UTF-8 become a replacement character."""
        return b"".join(self._bytes(i) for i in ids if i >= _FIRST).decode(errors="replace")

    def _bytes(self, i: int) -> bytes:
        if i < _FIRST + 256:
            return bytes([i - _FIRST])
        left, right = self.merges[i - _FIRST - 256]
        return self._bytes(left) + self._bytes(right)

    def to_json(self) -> str:
        """Return the JSON text that a user of an exported network needs to encode their own text."""
        content = {"schema": 1, "kind": "byte_pair", "padding": 0, "lowercase": self.lowercase, "word": _WORD.pattern}
        return json.dumps({**content, "merges": [list(pair) for pair in self.merges]})

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        return cls(merges=tuple((a, b) for a, b in data["merges"]), lowercase=data["lowercase"])


def frequent_pairs(words: list[list[int]], weights: Sequence[int], *, new: int, most: int) -> list[Pair]:
    """Merge the most frequent pair of neighbours in all words, again and again, and return the pairs in their order.

    Parameters
    ----------
    words
        As ids, which the merging replaces.
    weights
        How often each word occurs.
    new
        The id of what the first pair becomes; the second one gets the next.
    most
        Number of pairs; there are fewer where none occurs twice any more.
    """
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weights[i]
            where[pair].add(i)
    merges: list[Pair] = []
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    while queue and len(merges) < most:
        count, best = heapq.heappop(queue)
        if count != -pairs[best]:
            continue  # outdated: the pair stands in the queue again with its present count
        if count > -2:
            break
        made = new + len(merges)
        merges.append(best)
        changed: set[Pair] = set()
        for i in where.pop(best):
            before, after = words[i], _merged(words[i], best, made)
            for pair in pairwise(before):
                pairs[pair] -= weights[i]
            for pair in pairwise(after):
                pairs[pair] += weights[i]
                where[pair].add(i)
            changed |= {*pairwise(before), *pairwise(after)}
            words[i] = after
        for pair in changed:
            heapq.heappush(queue, (-pairs[pair], pair))
    return merges


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if len(word) <= _LONGEST_WORD:
            yield word
        else:
            yield from (word[i : i + _LONGEST_WORD] for i in range(0, len(word), _LONGEST_WORD))


def _merged(ids: list[int], pair: Pair, new: int) -> list[int]:
    """Return the ids with every occurrence of the pair, from the left, replaced."""
    merged: list[int] = []
    i = 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged
