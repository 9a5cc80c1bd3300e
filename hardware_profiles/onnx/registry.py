"""What PyTorch's exporter to ONNX does anew for every graph, and need not.

Its table from operators to ONNX is made from the sources of some five hundred translations: half of the time that a
block takes. Then every graph is traced once more to decompose its operators, of which most have a translation as they
are: half of the rest. What does both is not public, and no argument of ``torch.onnx.export`` turns it off: this module
alone touches it. It was written for PyTorch 2.9 to 2.13; where a version lacks the names, exports take their usual
time, and ``tests/hardware_profiles/test_onnx_registry.py`` fails.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.onnx._internal.exporter._registration import ONNXRegistry

__all__ = ["decomposed_where_needed", "table_made_once"]

# Composite operators whose translation is what their decomposition becomes; others are decomposed, translated or not.
_COMPOSITE = {
    "chunk",
    "contiguous",
    "conv2d",
    "flatten.using_ints",
    "layer_norm",
    "linear",
    "mT",
    "matmul",
    "pad",
    "reshape",
    "scaled_dot_product_attention",
    "softmax.int",
    "square",
    "sym_size.int",
    "to.dtype",
    "unflatten.int",
}
_REMOVED = {"_assert_scalar", "_assert_tensor_metadata"}  # by the exporter, afterwards


@contextmanager
def table_made_once() -> Iterator[None]:
    """Let exports within begin with a copy of the table that the first one made."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        make = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        yield
        return

    def copied(**options: Any) -> Any:
        made = _made(make, tuple(sorted(options.items())))
        table = copy.copy(made)
        table.functions = {target: list(functions) for target, functions in made.functions.items()}
        return table

    own = vars(ONNXRegistry)["from_torchlib"]
    ONNXRegistry.from_torchlib = staticmethod(copied)  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        ONNXRegistry.from_torchlib = own  # type: ignore[method-assign]


@cache
def _made(make: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return make(**dict(options))


@contextmanager
def decomposed_where_needed() -> Iterator[None]:
    """Let exports within leave graphs as they are if each of their operators has a translation and changes nothing."""
    try:
        from torch.onnx._internal.exporter import _decomp, _fx_passes

        decompose, translated = _fx_passes.decompose_with_registry, _decomp.get_onnx_implemented_overloads
    except (ImportError, AttributeError):
        yield
        return

    def where_needed(exported_program: ExportedProgram, registry: ONNXRegistry) -> ExportedProgram:
        known = set(translated(registry))
        for node in exported_program.graph.nodes:
            _unshare(node)
        ready = all(_is_ready(node, known) for node in exported_program.graph.nodes)
        return exported_program if ready else decompose(exported_program, registry)

    _fx_passes.decompose_with_registry = where_needed
    try:
        yield
    finally:
        _fx_passes.decompose_with_registry = decompose


def _unshare(node: Any) -> None:
    """Let an operator that changes an input in place return a new tensor, where nothing else reads that input."""
    import torch

    target: Any = node.target
    if not isinstance(target, torch._ops.OpOverload) or not target._schema.is_mutable:
        return
    name, changed = target._schema.name, node.args[0] if node.args else None
    if not (name.startswith("aten::") and name.endswith("_") and isinstance(changed, torch.fx.Node)):
        return  # an operator of another's, of lists, or with an output given
    other = getattr(getattr(torch.ops.aten, name[6:-1], None), target._overloadname, None)
    made: Any = changed.target
    if other is None or list(changed.users) != [node]:
        return
    if isinstance(made, torch._ops.OpOverload) and not any(result.alias_info for result in made._schema.returns):
        node.target = other


def _is_ready(node: Any, known: set[Any]) -> bool:
    import torch

    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return bool(node.op != "get_attr")  # a graph within
    target: Any = node.target
    full: str = target.name()
    name = full.removeprefix("aten::")
    if name in _REMOVED:
        return True
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeImplicitAutograd")
    return target in known and not target._schema.is_mutable and (not composite or name in _COMPOSITE)
