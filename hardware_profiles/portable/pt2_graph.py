"""What the graph of a ``model.pt2`` of unknown origin may say: names, operators and expressions of an allow-list.

PyTorch's loader evaluates expressions of shapes and guards as Python, and resolves operators by attribute from
``torch``, so that ``torch.os.system`` is one. This file is a part of ``bench.py`` and imports the standard library
alone.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["PROGRAM_OPERATORS", "Refused", "check_words", "checked_graph"]

PROGRAM_OPERATORS = frozenset(
    """
    __and__ __or__ __xor__ _assert_scalar _assert_tensor_metadata _log_softmax _softmax _to_copy _unsafe_view abs acos
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

_TARGET = re.compile(r"torch\.ops\.aten\.(?P<operator>\w+)\.\w+")
_PYTHON_TARGET = re.compile(r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|eq|ne|lt|le|gt|ge)")
_NAME, _PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,500}"), re.compile(r"[A-Za-z0-9_.]{0,1000}")
_LETTERS = re.compile(r"[A-Za-z0-9_.+:\- ]{0,200}")
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


class Refused(Exception):
    """What an archive says that no exported network needs."""


def check_words(value: Any) -> None:
    """Raise for texts that are no short words of the letters that names have."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_words(key)
            check_words(item)
    elif isinstance(value, list):
        for item in value:
            check_words(item)
    elif isinstance(value, str) and not _LETTERS.fullmatch(value):
        raise Refused(f"the text {value[:80]!r}")


def checked_graph(graph: Mapping[str, Any]) -> Any:
    """Return a graph without what the loader evaluates and no network needs.

    Raises
    ------
    Refused
        For operators, names, texts or objects of other kinds than networks have.
    """
    return _checked(graph, key="")


def _checked(value: Any, *, key: str) -> Any:
    """Return a part of the graph without what the loader evaluates and no network needs."""
    if isinstance(value, dict):
        if key in _NAMES_BELOW:
            _check_names(value, _NAMES_BELOW[key], key=key)
            return {name: _checked(item, key="") for name, item in value.items()}
        _check_names(value, _PATH, key=key, never=_NEVER)
        if value.get("custom_obj_values"):
            raise Refused("objects of other classes than tensors")
        return {k: _DROPPED[k]() if k in _DROPPED else _checked(item, key=k) for k, item in value.items()}
    if isinstance(value, list):
        return [_checked(item, key=key) for item in value]
    if isinstance(value, str):
        try:
            allowed = _TEXTS.get(key, _is_word)(value)
        except (SyntaxError, ValueError, MemoryError):
            allowed = False
        if not allowed:
            raise Refused(f"{key or 'the text'} {value[:80]!r}")
    return value


def _check_names(value: Mapping[str, Any], pattern: re.Pattern[str], *, key: str, never: Sequence[str] = ()) -> None:
    for name in value:
        if not pattern.fullmatch(name) or name in never:
            raise Refused(f"the entry {name[:80]!r} in {key or 'the graph'}")


def _is_word(text: str) -> bool:
    return _LETTERS.fullmatch(text) is not None


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
