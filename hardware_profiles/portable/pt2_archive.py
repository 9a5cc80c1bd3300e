"""Open a ``model.pt2`` of unknown origin: what it may hold, checked before PyTorch reads it.

PyTorch's loader unpickles what it finds and runs what the graph says. Here an archive is copied member by member:
tensors as they are, no pickle at all, and of the graph what ``pt2_graph`` allows. The loader sees the copy alone. This
file is a part of ``bench.py`` and imports the standard library and PyTorch alone.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import pickletools
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardware_profiles.portable.exported_folder import FolderError
from hardware_profiles.portable.pt2_graph import Refused, check_words, checked_graph
from search_space.errors import reason_of
from search_space.schema import parse_json

__all__ = ["GRAPH", "load_program"]

_ROOT = "archive"
GRAPH, _EXAMPLES = "models/model.json", "data/sample_inputs/model.pt"
_CONFIGS = {
    "data/weights/": ("data/weights/model_weights_config.json", re.compile(r"weight_\d{1,6}")),
    "data/constants/": ("data/constants/model_constants_config.json", re.compile(r"tensor_\d{1,6}")),
}
_LABELS = {
    "archive_format": "pt2",
    "archive_version": r"\d{1,4}",
    "byteorder": "little",
    ".data/version": r"\d{1,4}\n?",
    ".data/serialization_id": r"\d{1,64}",
}
_MOST_MEMBERS, _MOST_TEXT = 100_000, 256 * 2**20
# Of a pickle: what fetches a name from a module, and the names that tensors need.
_IMPORTING = {"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"}
_OF_TENSORS = re.compile(  # the second and third where export has noted something of a tensor
    r"torch\._utils _rebuild_tensor_v2|torch\._tensor _rebuild_from_type_v2|torch Tensor|collections OrderedDict"
    r"|torch \w+Storage"
)


def load_program(path: Path) -> Any:
    """Return the module of an exported program, in evaluation mode of its export.

    Raises
    ------
    FolderError
        For an archive that holds anything but tensors and a graph of operators that compute with them.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="nasweave-pt2-") as folder:
            copy = Path(folder) / "model.pt2"
            with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
                _copy(source, target)
            return _open(copy)
    except Exception as error:  # of the checks above, of the archive, or whatever PyTorch makes of a graph
        raise FolderError(
            str(path),
            expected="a program of tensors and operators alone",
            got=reason_of(error)[:300],
            remedy="export it again; PyTorch itself would run what is in it",
        ) from error


def _open(path: Path) -> Any:
    log = logging.getLogger("torch.export")  # where the loader writes a traceback before it raises
    before, log.disabled = log.disabled, True
    try:
        return importlib.import_module("torch").export.load(path).module()
    finally:
        log.disabled = before


def _copy(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    members = _members(source)
    read = {name: source.read(info) for name, info in members.items() if name in _LABELS}
    for name, pattern in _LABELS.items():
        if name in read and not re.fullmatch(pattern, read[name].decode("ascii", "replace")):
            raise Refused(f"{name} of {read[name][:40]!r}")
        if name in read:
            target.writestr(f"{_ROOT}/{name}", read[name])
    payloads: set[str] = set()
    for folder, (config_name, payload) in _CONFIGS.items():
        config = _json(source, members, config_name)
        for entry in config["config"].values():
            record = entry["path_name"]
            if entry["use_pickle"] is not False or not payload.fullmatch(record):
                raise Refused(f"{config_name} with a pickled member")
            if members[folder + record].file_size == 0 and 0 not in [size.get("as_int") for size in _sizes(entry)]:
                raise Refused(f"{record} without its numbers")
            payloads.add(folder + record)
        check_words(config)
        target.writestr(f"{_ROOT}/{config_name}", json.dumps(config))
    for name in sorted(payloads):
        with source.open(members[name]) as there, target.open(f"{_ROOT}/{name}", "w", force_zip64=True) as here:
            while block := there.read(2**20):
                here.write(block)
    unknown = set(members) - payloads - set(_LABELS) - {GRAPH, _EXAMPLES} - {name for name, _ in _CONFIGS.values()}
    if unknown:
        raise Refused(f"the member {min(unknown)!r}")
    _check_examples(source.read(members[_EXAMPLES]))
    target.writestr(f"{_ROOT}/{_EXAMPLES}", b"")
    target.writestr(f"{_ROOT}/{GRAPH}", json.dumps(checked_graph(_json(source, members, GRAPH))))


def _members(source: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names below the archive's one folder; none is compressed or there twice."""
    infos = _stored(source)
    members = {info.filename.partition("/")[2]: info for info in infos}
    roots = {info.filename.partition("/")[0] for info in infos}
    if len(members) < len(infos) or len(roots) != 1:
        raise Refused("members of the same name, or of several folders")
    return members


def _stored(source: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that are as large as they seem."""
    infos = source.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise Refused(f"{len(infos)} members")
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise Refused("members that are compressed or encrypted")
    return infos


def _json(source: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> dict[str, Any]:
    if name not in members or members[name].file_size > _MOST_TEXT:
        raise Refused(f"no {name}, or one too large")
    found = parse_json(source.read(members[name]))
    if not isinstance(found, dict):
        raise Refused(f"{name} of another kind")
    return found


def _sizes(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(entry["tensor_meta"]["sizes"])


def _check_examples(content: bytes) -> None:
    """Raise for sample inputs that are no tensors. Nothing is unpickled: the operations of the pickle are read.

    Those of an archive that PyTorch wrote are left out of the copy.
    """
    refused = Refused("a pickle of other things than tensors among its sample inputs")
    if not content:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            told = [inner.read(info) for info in _stored(inner) if info.filename.endswith(".pkl")]
        operations = [(step.name, argument) for part in told for step, argument, _ in pickletools.genops(part)]
    except Exception as error:  # what is no archive, or no pickle
        raise refused from error
    for name, argument in operations:
        if name in _IMPORTING and not (name == "GLOBAL" and _OF_TENSORS.fullmatch(str(argument))):
            raise refused
