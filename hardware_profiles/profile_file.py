"""The files of a profile: a JSON header with a hash of itself, and a Parquet table whose hash the header holds.

Both may come from anywhere. Each field is checked before anything uses it; what has no place in a header is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hardware_profiles.device import DEVICE
from hardware_profiles.measurement import OPTIONAL, Measurement
from hardware_profiles.setting import PROVENANCE, SETTING
from search_space.errors import ProfileError
from search_space.schema import (
    Check,
    MalformedError,
    file_word,
    hexadecimal,
    integer,
    is_file_name,
    items,
    moment,
    number,
    one_of,
    parse_json,
    read_file,
    record,
    shown,
    text,
)

__all__ = [
    "FORMAT",
    "SCHEMA_VERSION",
    "malformed",
    "read_header",
    "read_mapping",
    "read_table",
    "signed",
    "table_bytes",
]

SCHEMA_VERSION = 2  # 2 has predicted entries, and is written where there are some
FORMAT = "nasweave.hardware_profile"
_READABLE = (1, 2)
_HASH = "header_sha256"
_MOST_HEADER_BYTES, _MOST_TABLE_BYTES, _MOST_ROWS = 2**20, 2**28, 10**6
_KINDS = {"subject": "string", "measured_at": "string", "repeats": "int64", "order": "int64"}  # the others are double
_COLUMNS = (
    "subject",
    "latency_ms",
    "raw_ms",
    "spread",
    "repeats",
    "drift",
    "reference_ms",
    "order",
    "measured_at",
    "repeat_ms",
    "energy_mj",
    "peak_memory_bytes",
)
_ABOUT: dict[str, Check] = {
    "format": one_of(FORMAT),
    "schema": one_of(*_READABLE),
    "device": DEVICE,
    "device_fingerprint": file_word,
    "setting": SETTING,
    "runtime_version": file_word,
    "space_fingerprint": file_word,
    "created_at": moment,
    "noise_floor": number(0.0, 1e6),
    "provenance": PROVENANCE,
}
_IN_A_FILE = record(
    {**_ABOUT, "count": integer(0, _MOST_ROWS), "table": text(), "sha256": hexadecimal(64), _HASH: hexadecimal(64)},
    may_lack=("provenance", _HASH),  # earlier versions wrote none
)
_IN_A_DATABASE = record(
    {**_ABOUT, "measurements": items(Measurement.from_dict, most=_MOST_ROWS)}, may_lack=("provenance",)
)


def malformed(where: str, reason: str) -> ProfileError:
    """Return the error for a profile that is not as one is written."""
    return ProfileError(
        f"profile {where}",
        expected="a whole profile of nasweave",
        got=reason,
        remedy="restore both of its files or profile again",
    )


def signed(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return a header with the hash of all that stands in it."""
    return {**header, _HASH: _hash(header)}


def _hash(header: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in header.items() if name != _HASH}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_header(path: Path) -> dict[str, Any]:
    """Return the checked header of a profile; raises ``ProfileError`` for one that is damaged or of another kind."""
    try:
        data = parse_json(read_file(path, most_bytes=_MOST_HEADER_BYTES))
    except (OSError, MalformedError) as error:
        raise malformed(path.name, f"an unreadable header ({error})") from error
    header = _checked(data, _IN_A_FILE, path.name)
    if header.get(_HASH, _hash(data)) != _hash(data):
        raise malformed(path.name, "a header that was changed since it was written")
    return header


def read_mapping(data: Any, *, where: str) -> dict[str, Any]:
    """Return what a database holds of a profile, its measurements among it, checked."""
    return _checked(data, _IN_A_DATABASE, where)


def _checked(data: Any, check: Callable[[Any], dict[str, Any]], where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise malformed(where, "a file of another kind")
    if data.get("schema") not in _READABLE:
        raise ProfileError(
            f"profile {where}",
            expected=f"schema {' or '.join(map(str, _READABLE))}",
            got=f"schema {shown(data.get('schema'))}",
            remedy="it was written by another version of nasweave: install that one or profile again",
        )
    try:
        return check(data)
    except MalformedError as error:
        raise malformed(where, str(error)) from error


def table_bytes(measurements: Sequence[Measurement]) -> bytes:
    """Return the Parquet table of measurements."""
    import pandas as pd

    predicted = ["predicted_std"] if any(m.predicted_std is not None for m in measurements) else []
    rows = pd.DataFrame([m.to_dict() for m in measurements], columns=[*_COLUMNS, *predicted])
    # A column of nothing but None has no type of its own.
    rows = rows.astype(dict.fromkeys(("repeat_ms", "energy_mj", "peak_memory_bytes", *predicted), "float64"))
    buffer = io.BytesIO()
    rows.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def read_table(path: Path, header: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """Return the measurements of the table beside a header; raises ``ProfileError`` where it is not the header's."""
    import pyarrow as pa

    name = header["table"]
    if not is_file_name(name):
        raise malformed(path.name, f"a table outside its folder ({shown(name)})")
    try:
        content = read_file(path.with_name(name), most_bytes=_MOST_TABLE_BYTES)
    except (OSError, MalformedError) as error:
        raise malformed(path.name, f"an unreadable table ({error})") from error
    if hashlib.sha256(content).hexdigest() != header["sha256"]:
        raise malformed(path.name, f"a table {name} whose sha256 is not the header's")
    try:
        return tuple(Measurement.from_dict(row) for row in _rows(content, count=header["count"]))
    except MalformedError as error:
        raise malformed(path.name, f"a table of other measurements ({error})") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise malformed(path.name, f"a table that is no Parquet ({error})") from error


def _rows(content: bytes, *, count: int) -> list[dict[str, Any]]:
    """Return the rows of a table, whose number and types are known before any is read."""
    import pyarrow.parquet as pq

    file: Any = pq.ParquetFile(io.BytesIO(content))
    if file.metadata.num_rows != count:
        raise MalformedError(f"{file.metadata.num_rows} of them in place of {count}")
    for column in file.schema_arrow:
        kind = str(column.type).removeprefix("large_")
        if column.name not in (*_COLUMNS, "predicted_std") or kind not in (_KINDS.get(column.name, "double"), "null"):
            raise MalformedError(f"the column {shown(column.name)} of {kind}")
    rows: list[dict[str, Any]] = file.read().to_pylist()
    for row in rows:
        for name in OPTIONAL:  # a table spells None as NaN
            value = row.get(name)
            row[name] = None if value is None or math.isnan(value) else value
    return rows
