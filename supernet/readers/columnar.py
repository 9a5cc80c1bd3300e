"""Tables in columns, Parquet and Arrow: the cells as the text that a ``.csv`` of the same table would hold.

So one set of checks serves every kind of table. A missing value, and a float that is no number, is an empty cell; what
no cell can hold, such as a list or bytes, is a column that is left out and told. Nothing that a file carries for other
programs, such as the index of pandas or classes of extension types, is looked at.

Formats: Apache Parquet; Apache Arrow IPC, as a file (Feather) or as a stream (as Hugging Face ``datasets`` write it);
a folder of such streams (``save_to_disk``), in which numbers of classes become their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from search_space.errors import DataError, reason_of
from supernet.readers.dataset_folder import class_names, data_files
from supernet.readers.files import read_bytes
from supernet.readers.memory import require_memory
from supernet.readers.words import shown

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "read_columns", "read_lists"]

SUFFIXES = (".parquet", ".feather", ".arrow")
_BYTES_OF_CELL = 120  # of a cell as a text in a tuple, at most numbers' length
_MOST_NAMES = 8
_FILE, _END = b"ARROW1", b"\0\0\0\0"


def read_columns(
    path: Path, *, joint: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], dict[str, str]]:
    """Return the names of the columns, the rows of their cells, and the columns that no cell can hold, with their type.

    Parameters
    ----------
    path
        A file, or the folder of a data set.
    joint
        Of columns whose lists are cells, what joins their items.

    Raises
    ------
    DataError
        For a file that is damaged, encrypted, too large, or of another format than its ending says, and for an item of
        a list that holds what joins it to others.
    """
    import pyarrow as pa

    with _readable(path):
        table, (header, columns, left_out) = _table(path), (list[str](), list[list[str]](), dict[str, str]())
        for name, column in zip(table.column_names, table.columns, strict=True):
            separator = (joint or {}).get(name.strip())
            try:
                if separator and _is_list(column.type):
                    columns.append(_joined(column, separator, where=f"{path}, column {shown(name)}"))
                else:
                    columns.append(_cells(column))
                header.append(name.strip())
            except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # which is how it says that there is no such cast
                left_out[name.strip()] = shown(str(column.type), most=40)
        rows = tuple(zip(*columns, strict=True)) if columns else ((),) * table.num_rows
    return tuple(header), rows, left_out


def read_lists(path: Path, names: Sequence[str]) -> list[list[tuple[str, ...]]]:
    """Return columns that hold a list a row, as texts; nothing stands for a missing item or list.

    Raises
    ------
    DataError
        For a column that is missing or holds no lists, and as :func:`read_columns`.
    """
    import pyarrow as pa

    with _readable(path):
        table, found = _table(path), []
        for name in names:
            places = [i for i, there in enumerate(table.column_names) if there == name]
            if len(places) != 1 or not _is_list(table.column(places[0]).type):
                kinds = [
                    f"{shown(n)} ({shown(str(k), most=40)})"
                    for n, k in zip(table.column_names, table.schema.types, strict=True)
                ]
                raise DataError(
                    f"{path}, column {shown(name)}",
                    expected="a column of lists of texts",
                    got=", ".join(kinds[:_MOST_NAMES]) or "none",
                    remedy="name another column, or give a file in the columns of CoNLL",
                )
            column = table.column(places[0]).cast(pa.list_(pa.string()))
            found.append([tuple(one or "" for one in row or ()) for row in column.to_pylist()])
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Refuse what Arrow cannot read, in one line."""
    import pyarrow as pa

    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, NotImplementedError) as error:
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow or Feather"
        raise DataError(
            str(path),
            expected=f"a whole {kind} file, not encrypted",
            got=shown(reason_of(error), most=200),
            remedy="write it again, or save the table as a .csv",
        ) from error


def _table(path: Path) -> pa.Table:
    """Return the table of a file, or of the files of a data set, in which numbers of classes are their names."""
    import pyarrow as pa

    if not path.is_dir():
        return _part(path)
    table = pa.concat_tables([_part(part) for part in data_files(path)])
    for name, names in class_names(path).items():
        for place in [i for i, there in enumerate(table.column_names) if there == name]:
            column = _named(table.column(place), names, where=f"{path}, column {shown(name)}")
            table = table.set_column(place, name, column)
    return table


def _part(path: Path) -> pa.Table:
    import pyarrow as pa

    read = _parquet if path.suffix.lower() == ".parquet" else _arrow
    return read(pa.BufferReader(read_bytes(path, times=2)), _room(path))


def _room(path: Path) -> Callable[[int, int], None]:
    """Return what asks for the memory of a table of so many rows and columns."""

    def require(rows: int, columns: int) -> None:
        require_memory(
            rows * columns * _BYTES_OF_CELL,
            parameter=str(path),
            what=f"a table of {rows:,} rows and {columns:,} columns",
            remedy="use a part of it, or leave out the columns that are not needed",
        )

    return require


def _parquet(source: pa.BufferReader, require: Callable[[int, int], None]) -> pa.Table:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    require(file.metadata.num_rows, file.metadata.num_columns)
    return file.read(use_threads=False)


def _arrow(source: pa.BufferReader, require: Callable[[int, int], None]) -> pa.Table:
    import pyarrow as pa

    is_file = source.read(len(_FILE)) == _FILE
    if not is_file:
        source.seek(max(0, source.size() - len(_END)))
        if source.read() != _END:  # rows would be missing, for a stream says nowhere how many there are
            raise ValueError("no Arrow file, and no stream that is written to its end")
    source.seek(0)
    table = (pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)).read_all()
    table.validate(full=True)  # offsets that a damaged file holds would be followed
    require(table.num_rows, table.num_columns)
    return table


def _named(column: pa.ChunkedArray, names: Sequence[str], *, where: str) -> pa.ChunkedArray:
    """Return numbers of classes, or lists of them, as their names; -1 is no class.

    Raises
    ------
    DataError
        For a number of no class.
    """
    import pyarrow as pa

    def name(number: object) -> str | None:
        if number is None or number == -1:
            return None
        if not isinstance(number, int) or not 0 <= number < len(names):
            raise DataError(
                where,
                expected=f"numbers of {len(names)} classes",
                got=shown(str(number)),
                remedy="mend it",
            )
        return names[number]

    if _is_list(column.type):
        several = [None if part is None else [name(n) for n in part] for part in column.to_pylist()]
        return pa.chunked_array([pa.array(several, pa.list_(pa.string()))])
    return pa.chunked_array([pa.array([name(n) for n in column.to_pylist()], pa.string())])


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _joined(column: pa.ChunkedArray, separator: str, *, where: str) -> list[str]:
    """Return lists as cells; raises ``DataError`` for an item that would be parted."""
    import pyarrow as pa

    texts = column.cast(pa.list_(pa.string())).to_pylist()
    rows = [[one for one in row or () if one is not None] for row in texts]
    if inside := next((one for row in rows for one in row if separator in one), None):
        raise DataError(
            where,
            expected=f"labels without {separator!r}, which parts them",
            got=repr(shown(inside)),
            remedy="set task.options.label_separator to a sign that no label has",
        )
    return [separator.join(row) for row in rows]


def _cells(column: pa.ChunkedArray) -> list[str]:
    """Return the cells of a column as text; raises what Arrow raises where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column.type, pa.ExtensionType) or pa.types.is_binary(column.type):
        raise pa.ArrowInvalid("no text")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    cells: list[str] = pc.fill_null(column.cast(pa.string()), "").to_pylist()
    return cells
