"""Any ``tokenizer.json``, read by the library that defines it: needs ``pip install tokenizers``, and nothing else."""

from __future__ import annotations

from tokenizers import Tokenizer

__all__ = ["Vocabulary"]


class Vocabulary:
    """Ids of pieces of words, as the library finds them.

    Parameters
    ----------
    tokenizer
        Is the vocabulary's own from now on.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read a ``tokenizer.json``; raises the library's errors."""
        return cls(Tokenizer.from_str(text))

    @property
    def around(self) -> int:
        """Number of ids that stand around those of a text."""
        return int(self._tokenizer.num_special_tokens_to_add(False))

    def encode(self, text: str, *, most: int | None = None) -> list[int]:
        """Return the ids of a text and those around it; of a longer one ``most``, for which its last ones are cut."""
        text = text.encode(errors="replace").decode()  # halves of characters, which the library refuses
        ids: list[int] = self._tokenizer.encode(text).ids
        if most is None or len(ids) <= most:
            return ids
        self._tokenizer.enable_truncation(max(most, self.around))
        try:
            return list(self._tokenizer.encode(text).ids)
        finally:
            self._tokenizer.no_truncation()
