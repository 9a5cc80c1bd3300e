"""Series with labels in an ``.arff`` file: a column a step, or one relational column with the channels line by line.

Format: Weka's, as the UCR and UEA archives use it (Bagnall et al. 2018).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError, reason_of
from supernet.readers.files import read_text
from supernet.readers.series.ts import steps_of
from supernet.readers.tables import long_fields
from supernet.readers.words import shown

__all__ = ["read_arff"]


def read_arff(path: Path, *, label: str = "") -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return each series, ``(steps, channels)`` with NaN for missing values, and its label.

    Parameters
    ----------
    label
        Name of the attribute of the labels; the last one where it is empty.

    Raises
    ------
    DataError
        For a file without ``@data``, sparse rows, a row of another length, or cells that are no numbers.
    """
    names, is_relational, rows = _parts(path)
    at = len(names) - 1 if not label else names.index(label) if label in names else -1
    if at < 0 or len(names) < 2:
        listed = ", ".join(shown(name) for name in names[:8])
        raise _refused(str(path), f"attributes and a label {label}".rstrip(), listed or "none", "correct the file")
    values, labels = list[NDArray[np.float64]](), list[str]()
    for number, line in rows:
        where = f"{path}: line {number}"
        cells = _cells(line, where)
        if len(cells) != len(names):
            raise _refused(where, f"{len(names)} values, as there are attributes", str(len(cells)))
        labels.append(cells.pop(at))
        if is_relational:
            channels = [
                steps_of(channel.split(","), where=f"{where}, channel {c}")
                for c, channel in enumerate(cells[0].replace("\\n", "\n").strip("\n").split("\n"), 1)
            ]
            if len({len(steps) for steps in channels}) > 1:
                raise _refused(where, "channels of one length", ", ".join(str(len(s)) for s in channels[:8]))
            values.append(np.stack(channels, axis=1))
        else:
            values.append(steps_of(cells, where=where)[:, None])
        if values[-1].shape[1] != values[0].shape[1]:
            raise _refused(where, f"{values[0].shape[1]} channels, as in the first series", str(values[-1].shape[1]))
    return values, labels


def _parts(path: Path) -> tuple[list[str], bool, list[tuple[int, str]]]:
    """Return the names of the attributes, whether the first is relational, and the lines of data with their numbers."""
    names, inside, is_relational, is_data, rows = list[str](), False, False, False, list[tuple[int, str]]()
    for number, raw in enumerate(read_text(path).split("\n"), 1):
        line, where = raw.strip(), f"{path}: line {number}"
        if not line or line.startswith("%"):
            continue
        if is_data:
            rows.append((number, line))
            continue
        word, _, rest = line.partition(" ") if "\t" not in line.split(" ")[0] else line.partition("\t")
        word = word.casefold()
        if word == "@attribute":
            name, kind = _named(rest.strip())
            if inside:
                continue  # a step of the relational attribute
            names.append(name)
            if kind.casefold().startswith("relational"):
                inside = is_relational = True
        elif word == "@end":
            inside = False
        elif word == "@data":
            is_data = True
        elif word != "@relation":
            raise _refused(where, "@relation, @attribute, @end or @data", line)
    if not is_data:
        raise _refused(str(path), "a line @data", "none", "choose a whole .arff file")
    if is_relational and len(names) != 2:
        raise _refused(str(path), "one relational attribute and a label", ", ".join(map(shown, names[:8])))
    return names, is_relational, rows


def _named(text: str) -> tuple[str, str]:
    """Return the name and the type of an attribute."""
    if text[:1] in ("'", '"') and text[0] in text[1:]:
        end = text.index(text[0], 1)
        return text[1:end], text[end + 1 :].strip()
    name, *kind = text.split(None, 1)[:2] or [""]
    return name, (kind or [""])[0]


def _cells(line: str, where: str) -> list[str]:
    if line.startswith("{"):
        raise _refused(where, "every value of a row", "a sparse row", "write it dense")
    quote = "'" if line.startswith("'") or ("'" in line and '"' not in line) else '"'
    try:
        with long_fields():
            (row,) = csv.reader([line], quotechar=quote, skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise _refused(where, "values parted by commas", reason_of(error)) from error
    return [cell.strip() for cell in row]


def _refused(where: str, expected: str, got: str, remedy: str = "correct the line") -> DataError:
    return DataError(where, expected=expected, got=shown(got), remedy=remedy)
