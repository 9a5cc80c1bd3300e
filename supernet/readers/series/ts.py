"""Series with labels in a ``.ts`` file: a head of ``@`` lines, then a series a line, channels and the label by colons.

Format: Bagnall et al. 2018, The UEA Multivariate Time Series Classification Archive; Loning et al. 2019, sktime.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.files import read_text
from supernet.readers.numbers import MISSING, is_number
from supernet.readers.words import shown

__all__ = ["read_ts", "steps_of"]


def read_ts(path: Path) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return each series, ``(steps, channels)`` with NaN for missing values, and its label.

    Raises
    ------
    DataError
        For a file without ``@data`` or labels, with time stamps, or a series whose channels are of several lengths.
    """
    is_data, head, values, labels = False, dict[str, str](), list[NDArray[np.float64]](), list[str]()
    for number, raw in enumerate(read_text(path).split("\n"), 1):
        line, where = raw.strip(), f"{path}: line {number}"
        if not line or line.startswith("#"):
            continue
        if not is_data:
            name, _, rest = line.partition(" ")
            if not line.startswith("@"):
                raise _refused(where, "a line that begins with @ or #, before the line @data", line)
            head[name.casefold()] = rest.strip().casefold()
            is_data = name.casefold() == "@data"
            if is_data:
                _check_head(head, str(path))
            continue
        *channels, label = line.split(":")
        if not channels:
            raise _refused(where, "channels and a label, parted by colons", line)
        steps = [steps_of(channel.split(","), where=f"{where}, channel {c}") for c, channel in enumerate(channels, 1)]
        if len({len(s) for s in steps}) > 1:
            lengths = ", ".join(str(len(s)) for s in steps[:8])
            raise _refused(where, "channels of one length", f"{lengths} steps", remedy="resample the channels")
        if values and len(channels) != values[0].shape[1]:
            raise _refused(where, f"{values[0].shape[1]} channels, as in the first series", str(len(channels)))
        values.append(np.stack(steps, axis=1))
        labels.append(label.strip())
    if not is_data:
        raise _refused(str(path), "a line @data", "none")
    return values, labels


def _check_head(head: dict[str, str], where: str) -> None:
    if head.get("@timestamps") == "true":
        raise _refused(
            where, "series without time stamps", "@timeStamps true", remedy="resample to equal steps, without times"
        )
    answered = (head.get("@classlabel", head.get("@targetlabel", "true")).split() or ["true"])[0]
    if answered == "false":
        raise _refused(where, "series with labels", "@classLabel false", remedy="choose the file that has labels")


def steps_of(cells: list[str], *, where: str) -> NDArray[np.float64]:
    """Return the numbers of a channel, NaN for what is missing; raises ``DataError`` for a cell that is neither."""
    found = np.full(len(cells), np.nan)
    for i, raw in enumerate(cells):
        cell = raw.strip()
        if is_number(cell):
            found[i] = float(cell)
        elif cell.casefold() not in MISSING:
            raise _refused(where, "numbers, or ? for missing ones", cell)
    return found


def _refused(where: str, expected: str, got: str, remedy: str = "correct the line") -> DataError:
    return DataError(where, expected=expected, got=shown(got), remedy=remedy)
