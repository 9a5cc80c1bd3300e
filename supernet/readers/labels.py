"""Labels of examples: one each, or of several labels those that an example has, in one cell or in columns of 0 and 1.

They stand one a line in the files of an exported network, so each must fit into one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from search_space.errors import DataError
from supernet.readers.tables import names_of
from supernet.readers.words import shown

__all__ = ["Label", "LabelColumns", "UnlabelledError", "check_labels", "look_alikes"]

Label = str | tuple[str, ...]
"""The label of an example, or those that it has of several, each once, in order."""

_LONGEST = 200
_SET = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


class UnlabelledError(DataError):
    """No example of a file has a label, as in the test splits of data sets that keep theirs to themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelColumns:
    """Where the labels of a row stand.

    Parameters
    ----------
    named
        The column of the labels; of several labels, that or columns of 0 and 1, a label each, as ``a,b``.
    separator
        What parts the labels of a cell; empty where each row has one label.
    """

    named: str
    separator: str = ""

    @property
    def each(self) -> tuple[str, ...]:
        """The columns of 0 and 1 where several are named, else the one that is."""
        return (names_of(self.named) if self.separator else ()) or (self.named,)

    @property
    def joint(self) -> dict[str, str]:
        """What joins the items of lists to a cell, by their column: nothing where each row has one label."""
        return {self.named: self.separator} if self.separator else {}

    def columns(self, header: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the columns in a table of this header."""
        return (self.named,) if self.named in header else self.each

    def label(self, cells: Sequence[str], columns: Sequence[str], *, where: str) -> Label | None:
        """Return the label of a row, ``None`` where it has none; of several labels, none is ``()``.

        Raises
        ------
        DataError
            A cell of a column of 0 and 1 is neither.
        """
        if not self.separator:
            return cells[0] if cells[0].strip() else None
        if len(columns) == 1:
            return self.parted(cells[0])
        found = []
        for name, cell in zip(columns, cells, strict=True):
            is_set = _SET.get(cell.strip().lower())
            if is_set is None:
                raise DataError(
                    f"{where}, column {shown(name)}",
                    expected="0 or 1, whether the row has this label",
                    got=f"'{shown(cell)}'",
                    remedy="correct the cell, or name one column of labels in task.options.label",
                )
            found += [name] if is_set else []
        return tuple(sorted(found))

    def parted(self, cell: str) -> Label:
        """Return the labels of a cell: the cell itself where each row has one."""
        if not self.separator:
            return cell
        return tuple(sorted({part.strip() for part in cell.split(self.separator)} - {""}))


def check_labels(labels: Iterable[Label], *, where: str) -> None:
    """Raise ``DataError`` for a label that is empty, not in one line, longer than 200 signs, or cannot be written."""
    each = dict.fromkeys(one for label in labels for one in ((label,) if isinstance(label, str) else label))
    for label in each:
        if label.strip() and label.isprintable() and len(label) <= _LONGEST:
            continue
        raise DataError(
            where,
            expected=f"labels in one line of at most {_LONGEST} signs that can be seen",
            got=f"'{shown(label)}'" + (f" of {len(label):,} signs" if len(label) > _LONGEST else ""),
            remedy="rename the label",
        )


def look_alikes(labels: Iterable[str]) -> tuple[str, ...]:
    """Return a note for labels that differ in spaces or capitals alone: most often they are one."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[" ".join(label.casefold().split())].append(label)
    pairs = [" and ".join(repr(label) for label in found) for found in alike.values() if len(found) > 1]
    return (f"labels that differ in spaces or capitals alone are classes of their own: {pairs[0]}",) if pairs else ()
