"""A tokenizer without the pieces that the user's texts never need: fewer rows of the embedding, the same ids otherwise.

The pieces of the training texts stay, with those that byte pairs are merged from, and the pieces of one character, of
those that occur and of the Latin ones: another text loses long pieces, not its words. What stays is found in the same
order as before, so the training texts have the same pieces.
"""

from __future__ import annotations

from collections.abc import Collection

from supernet.tokenizers.document import Document, merged

__all__ = ["kept_ids"]

_LATIN = 0x144  # below it stand also the characters that byte pairs write bytes with


def kept_ids(document: Document, used: Collection[int]) -> list[int]:
    """Return the ids to keep, in their order, given those that the training texts have."""
    pieces = document.pieces
    kept = {*used, *document.needed}
    kept |= _origins(document, kept)
    seen = {character for i in kept for character in pieces[i]}
    prefix = document.told["model"].get("continuing_subword_prefix") or ""
    for i, piece in enumerate(pieces):
        letter = piece.removeprefix(prefix) if len(piece) > 1 else piece
        if (len(letter) == 1 and (letter in seen or ord(letter) < _LATIN)) or _is_byte(piece):
            kept.add(i)
    if document.kind == "Unigram":  # the price of what is unknown goes by the least score
        ids = {piece: i for i, piece in enumerate(pieces)}
        kept.add(ids[min(document.told["model"]["vocab"], key=lambda entry: entry[1])[0]])
    return sorted(kept)


def _origins(document: Document, kept: Collection[int]) -> set[int]:
    """Return the ids of all pieces that byte pairs are merged from, on every way to what is kept."""
    model = document.told["model"]
    if "merges" not in model:
        return set()
    parts: dict[str, set[str]] = {}
    for merge in model["merges"]:
        left, right, whole = merged(merge, model.get("continuing_subword_prefix") or "")
        parts.setdefault(whole, set()).update((left, right))
    open_, found = [document.pieces[i] for i in kept], set()
    while open_:
        for part in parts.get(open_.pop(), ()):
            if part not in found:
                found.add(part)
                open_.append(part)
    return {i for i, piece in enumerate(document.pieces) if piece in found}


def _is_byte(piece: str) -> bool:
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")
