"""What the database keeps of an export: its formats, what its weights come from, and how exact each format is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["ExportDetail", "WeightOrigin"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightOrigin:
    """What the weights of a network come from; networks of one architecture and one origin have the same weights.

    Parameters
    ----------
    supernet
        Fingerprint of the supernet that they were taken from; none where no supernet was trained.
    finetuned
        Hash of the finetuning that followed, if any did.
    trained
        Steps and configuration of the training of the network alone, if it was trained so.
    """

    supernet: str | None = None
    finetuned: str | None = None
    trained: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return what is known, by name."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportDetail:
    """The content of an export folder.

    Parameters
    ----------
    formats
        Names of the formats that the folder holds.
    origin
        What the weights come from.
    relative_norms
        For each format, the difference of its outputs from those that were evaluated, as a part of their norm.
    """

    formats: tuple[str, ...]
    origin: WeightOrigin = field(default_factory=WeightOrigin)
    relative_norms: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the form in the database, which is that of version 0.1.0."""
        return {
            "formats": list(self.formats),
            **self.origin.to_dict(),
            "relative_norm": dict(self.relative_norms),
        }

    @classmethod
    def from_dict(cls, stored: object) -> ExportDetail:
        """Read the form in the database; unknown names are passed over.

        Raises
        ------
        ValueError
            It is not of that form.
        """
        if not isinstance(stored, Mapping):
            raise ValueError("no mapping")
        formats, norms = stored.get("formats"), stored.get("relative_norm", {})
        origin = {each.name: stored.get(each.name) for each in fields(WeightOrigin)}
        if not isinstance(formats, list) or not all(isinstance(name, str) for name in formats):
            raise ValueError("formats that are no list of names")
        if not all(value is None or isinstance(value, str) for value in origin.values()):
            raise ValueError("an origin of weights that is no text")
        if not isinstance(norms, Mapping) or not all(type(norm) in (int, float) for norm in norms.values()):
            raise ValueError("differences that are no numbers")
        return cls(formats=tuple(formats), origin=WeightOrigin(**origin), relative_norms=dict(norms))
