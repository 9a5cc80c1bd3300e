"""Open a ``model.pt2`` of unknown origin: what it may hold, checked before PyTorch reads it.

PyTorch's loader unpickles what it finds, evaluates expressions of shapes and guards as Python, and resolves operators
by attribute from ``torch``, so that ``torch.os.system`` is one. Here an archive is copied member by member: tensors as
they are, no pickle at all, and of the graph only names, operators and expressions of an allow-list. The loader sees the
copy alone. This file is a part of ``bench.py`` and imports the standard library and PyTorch alone.
"""

from __future__ import annotations

import ast
import importlib
import io
import json
import logging
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hardware_profiles.portable.exported_folder import FolderError

__all__ = ["PROGRAM_OPERATORS", "load_program"]

PROGRAM_OPERATORS = frozenset(
    """
    _assert_scalar _assert_tensor_metadata _log_softmax _softmax _to_copy _unsafe_view abs acos
    adaptive_avg_pool1d adaptive_avg_pool2d add add_ addcmul addcmul_ addmm alias all amax amin any arange
    argmax argmin argsort asin atan atan2 avg_pool1d avg_pool2d baddbmm bitwise_and bitwise_not bitwise_or bmm
    broadcast_to bucketize cat ceil chunk clamp clamp_ clamp_max clamp_min clone constant_pad_nd contiguous
    conv1d conv2d convolution copy copy_ cos cumprod cumsum detach detach_ diagonal div div_ dot dropout elu
    embedding empty empty_like eq erf exp exp_ expand expand_as expm1 eye feature_dropout fill fill_ flatten
    flip floor floor_divide fmod full full_like gather ge gelu glu group_norm gt hardsigmoid hardswish hardtanh
    index index_add index_select instance_norm isfinite isinf isnan layer_norm le leaky_relu lerp linear
    linspace log log1p log2 log_softmax logical_and logical_not logical_or logsumexp lt mH mT masked_fill
    masked_fill_ matmul max max_pool1d max_pool2d maximum mean min minimum mish mm movedim mul mul_ narrow
    native_layer_norm ne neg new_empty new_full new_ones new_zeros norm numpy_T one_hot ones ones_like outer pad
    permute pixel_shuffle pixel_unshuffle pow prelu prod promote_types reciprocal reflection_pad1d relu relu_
    remainder repeat repeat_interleave replication_pad1d reshape reshape_as rms_norm roll round rsqrt rsub
    scalar_tensor scaled_dot_product_attention scatter scatter_add select select_scatter sigmoid sign silu silu_
    sin sinh size slice slice_scatter softmax softplus sort split split_with_sizes sqrt square squeeze stack std
    sub sub_ sum sym_numel sym_size sym_storage_offset sym_stride t tan tanh tanh_ tensor_split tile to topk
    transpose tril triu true_divide type_as unbind unflatten unfold unsafe_split unsqueeze var var_mean view
    view_as where zeros zeros_like
    """.split()  # noqa: SIM905
)
"""Operators of ``aten`` that compute tensors from tensors; none of them reads or writes a file."""

_ROOT = "archive"
_MODEL, _EXAMPLES = "models/model.json", "data/sample_inputs/model.pt"
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
_TARGET = re.compile(r"torch\.ops\.aten\.(?P<operator>\w+)\.\w+")
_PYTHON_TARGET = re.compile(r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|eq|ne|lt|le|gt|ge)")
_NAME, _PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,500}"), re.compile(r"[A-Za-z0-9_.]{0,1000}")
_WORD = re.compile(r"[A-Za-z0-9_.+:\- ]{0,200}")
_SYMBOL = re.compile(r"[su]\d{1,6}")
_FUNCTIONS = (
    "Symbol",
    "Integer",
    "Mul",
    "Add",
    "Mod",
    "FloorDiv",
    "CleanDiv",
    "Max",
    "Min",
    "Eq",
    "Ne",
    "Lt",
    "Le",
    "Gt",
    "Ge",
)
_NAMES_BELOW = {
    "tensor_values": _NAME,
    "sym_int_values": _NAME,
    "sym_bool_values": _NAME,
    "sym_float_values": _NAME,
    "range_constraints": _SYMBOL,
    "opset_version": _NAME,
}
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict")
_DROPPED: Mapping[str, type] = {"metadata": dict, "guards_code": list, "treespec_namedtuple_fields": dict}
_NEVER = ("custom_obj", "as_custom_obj", "as_graph", "as_operator")


class _Refused(Exception):
    pass


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
        reason = next((line for line in map(str.strip, str(error).splitlines()) if line), type(error).__name__)
        raise FolderError(
            str(path),
            expected="a program of tensors and operators alone",
            got=reason[:300],
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
            raise _Refused(f"{name} of {read[name][:40]!r}")
        if name in read:
            target.writestr(f"{_ROOT}/{name}", read[name])
    payloads: set[str] = set()
    for folder, (config_name, payload) in _CONFIGS.items():
        config = _json(source, members, config_name)
        for entry in config["config"].values():
            record = entry["path_name"]
            if entry["use_pickle"] is not False or not payload.fullmatch(record):
                raise _Refused(f"{config_name} with a pickled member")
            if members[folder + record].file_size == 0 and 0 not in [size.get("as_int") for size in _sizes(entry)]:
                raise _Refused(f"{record} without its numbers")
            payloads.add(folder + record)
        _check_words(config)
        target.writestr(f"{_ROOT}/{config_name}", json.dumps(config))
    for name in sorted(payloads):
        with source.open(members[name]) as there, target.open(f"{_ROOT}/{name}", "w", force_zip64=True) as here:
            while block := there.read(2**20):
                here.write(block)
    unknown = set(members) - payloads - set(_LABELS) - {_MODEL, _EXAMPLES} - {name for name, _ in _CONFIGS.values()}
    if unknown:
        raise _Refused(f"the member {min(unknown)!r}")
    _check_examples(source.read(members[_EXAMPLES]))
    target.writestr(f"{_ROOT}/{_EXAMPLES}", b"")
    target.writestr(f"{_ROOT}/{_MODEL}", json.dumps(_checked(_json(source, members, _MODEL), key="")))


def _members(source: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names below the archive's one folder; none is compressed or there twice."""
    infos = source.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise _Refused(f"{len(infos)} members")
    members = {info.filename.partition("/")[2]: info for info in infos}
    roots = {info.filename.partition("/")[0] for info in infos}
    if len(members) < len(infos) or len(roots) != 1:
        raise _Refused("members of the same name, or of several folders")
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise _Refused("members that are compressed or encrypted")
    return members


def _json(source: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> dict[str, Any]:
    if name not in members or members[name].file_size > _MOST_TEXT:
        raise _Refused(f"no {name}, or one too large")
    found = json.loads(source.read(members[name]))
    if not isinstance(found, dict):
        raise _Refused(f"{name} of another kind")
    return found


def _sizes(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(entry["tensor_meta"]["sizes"])


def _check_examples(content: bytes) -> None:
    """Raise for inputs that are no tensors; those of an archive that PyTorch wrote are left out of the copy."""
    if not content:
        return
    torch: Any = importlib.import_module("torch")
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:  # whatever the restricted unpickler makes of it
        raise _Refused("a pickle of other things than tensors among its sample inputs") from error


def _check_words(value: Any) -> None:
    """Raise for texts that are no short words of the letters that names have."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_words(key)
            _check_words(item)
    elif isinstance(value, list):
        for item in value:
            _check_words(item)
    elif isinstance(value, str) and not _WORD.fullmatch(value):
        raise _Refused(f"the text {value[:80]!r}")


def _checked(value: Any, *, key: str) -> Any:
    """Return a part of the graph without what the loader evaluates and no network needs."""
    if isinstance(value, dict):
        if key in _NAMES_BELOW:
            _check_names(value, _NAMES_BELOW[key], key=key)
            return {name: _checked(item, key="") for name, item in value.items()}
        _check_names(value, _PATH, key=key, never=_NEVER)
        if value.get("custom_obj_values"):
            raise _Refused("objects of other classes than tensors")
        return {k: _DROPPED[k]() if k in _DROPPED else _checked(item, key=k) for k, item in value.items()}
    if isinstance(value, list):
        return [_checked(item, key=key) for item in value]
    if isinstance(value, str):
        try:
            allowed = _TEXTS.get(key, _is_word)(value)
        except (SyntaxError, ValueError, MemoryError):
            allowed = False
        if not allowed:
            raise _Refused(f"{key or 'the text'} {value[:80]!r}")
    return value


def _check_names(value: Mapping[str, Any], pattern: re.Pattern[str], *, key: str, never: Sequence[str] = ()) -> None:
    for name in value:
        if not pattern.fullmatch(name) or name in never:
            raise _Refused(f"the entry {name[:80]!r} in {key or 'the graph'}")


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _is_path(text: str) -> bool:
    return _PATH.fullmatch(text) is not None


def _is_operator(text: str) -> bool:
    found = _TARGET.fullmatch(text)
    return found["operator"] in PROGRAM_OPERATORS if found else _PYTHON_TARGET.fullmatch(text) is not None


def _is_expression(text: str) -> bool:
    """Whether a text is an expression of whole numbers and sizes, which the loader hands to ``eval``."""
    return len(text) < 10_000 and _is_size(ast.parse(text, mode="eval").body)


def _is_size(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() | int()):
            return True
        case ast.Constant(value=str(symbol)) | ast.Name(id=symbol):
            return _SYMBOL.fullmatch(symbol) is not None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_size(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() | ast.Mod(), right=right):
            return _is_size(left) and _is_size(right)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            told = [k.value for k in keywords if k.arg in ("positive", "integer", "nonnegative")]
            return name in _FUNCTIONS and len(told) == len(keywords) and all(map(_is_size, [*arguments, *told]))
    return False


def _is_structure(text: str) -> bool:
    """Whether a text is a structure of tuples, lists and dictionaries, with nothing to be imported in it."""
    version, tree = json.loads(text)
    return isinstance(version, int) and _is_tree(tree)


def _is_tree(tree: Any) -> bool:
    context = tree["context"]
    keys = [] if context is None else json.loads(context)
    plain = keys is None or (isinstance(keys, list) and all(isinstance(k, str) and _is_name(k) for k in keys))
    return tree["type"] in _CONTAINERS and plain and all(map(_is_tree, tree["children_spec"]))


_TEXTS: Mapping[str, Callable[[str], bool]] = {
    "target": _is_operator,
    "expr_str": _is_expression,
    "in_spec": _is_structure,
    "out_spec": _is_structure,
    "name": _is_name,
    "as_name": _is_name,
    "forward_arg_names": _is_name,
    "parameter_name": _is_path,
    "buffer_name": _is_path,
    "tensor_constant_name": _is_path,
    "user_input_name": _is_name,
    "fqn": _is_path,
}
