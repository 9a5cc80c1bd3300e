"""From a module to ONNX, in float: quiet, with a dynamic batch, and every linear layer marked with its module path."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence

import onnx
import torch
from torch import Tensor, nn

from hardware_profiles.onnx.registry import decomposed_where_needed, table_made_once
from hardware_profiles.onnx.translations import translations
from search_space.errors import RuntimeUnavailableError

__all__ = ["INPUT", "OUTPUT", "PATH_KEY", "check_size", "export_onnx", "export_several"]

INPUT, OUTPUT = "batch", "output"
PATH_KEY = "nasweave.module"
_SCOPES_KEY = "pkg.torch.onnx.name_scopes"
_LARGEST_BYTES = 2**31 - 2**24  # protobuf's limit, with room for the graph
_NOISY = ("torch.onnx", "torch.export", "torch.fx", "onnxscript", "onnx_ir")


def export_onnx(module: nn.Module, example: Tensor) -> onnx.ModelProto:
    """Export a module of one input and one output, its first axis dynamic.

    The nodes of linear layers (MatMul or Gemm on a stored weight) carry their module path in
    ``metadata_props[PATH_KEY]``; all other metadata is dropped, for it holds the exporting machine's paths.

    Parameters
    ----------
    module
        In evaluation mode, in float.
    example
        An input, ``(B, ...)``; only its shape and type matter.

    Raises
    ------
    RuntimeUnavailableError
        For weights of more than 2 GB, which no single ONNX file holds.
    """
    return export_several(module, {INPUT: example}, outputs=[OUTPUT])


def export_several(module: nn.Module, inputs: Mapping[str, Tensor], *, outputs: Sequence[str]) -> onnx.ModelProto:
    """Export a module of several inputs and outputs as :func:`export_onnx` does.

    Parameters
    ----------
    module
        Takes a single argument, or several as ``*arguments``.
    inputs
        The arguments in their order, by the names that they get in the file. The first axis of each that has axes is
        the batch, of any number here and in the file.
    outputs
        Names of the results in their order; the first axis of each is the batch.
    """
    if module.training:
        raise ValueError("a module is exported in evaluation mode")
    check_size(module)
    # One size that varies: batches of a size each would be broadcast against each other.
    batch = torch.export.Dim("rows", min=1) if len(inputs) > 1 else torch.export.Dim.DYNAMIC
    examples = [_of_two(tensor) for tensor in inputs.values()]
    axes = tuple({0: batch} if t.dim() else None for t in examples)
    with _quiet(), torch.no_grad(), table_made_once(), decomposed_where_needed():
        program = torch.onnx.export(
            module,
            tuple(examples),
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=(axes,) if _takes_any_number(module) else axes,
            custom_translation_table=translations(),
        )
    assert program is not None
    model = program.model_proto
    _mark_linears(model, {name for name, _ in module.named_modules()})
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = INPUT
    return model


def _of_two(tensor: Tensor) -> Tensor:
    """Return an input of two examples or more: ``torch.export`` takes a size of one for a constant."""
    return tensor.repeat(2, *[1] * (tensor.dim() - 1)) if tensor.dim() and tensor.shape[0] == 1 else tensor


def _takes_any_number(module: nn.Module) -> bool:
    """Whether the module has ``*arguments``, whose shapes the exporter wants as one."""
    return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(module.forward).parameters.values())


def check_size(module: nn.Module) -> None:
    """Raise ``RuntimeUnavailableError`` for weights that no single ONNX file holds."""
    size = sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers()))
    if size > _LARGEST_BYTES:
        raise RuntimeUnavailableError(
            "ONNX file",
            expected="weights of less than 2 GB in float, the limit of its format",
            got=f"{size / 2**30:.2f} GB",
            remedy="choose a smaller network, or the torch runtime and export.formats=[safetensors,pt2]",
        )


def _mark_linears(model: onnx.ModelProto, modules: set[str]) -> None:
    stored = {tensor.name for tensor in model.graph.initializer}
    for holder in (model, model.graph, *model.graph.initializer, *model.graph.value_info, *model.graph.input):
        del holder.metadata_props[:]
    for node in model.graph.node:
        scopes = next((p.value for p in node.metadata_props if p.key == _SCOPES_KEY), "[]")
        del node.metadata_props[:]
        node.doc_string = ""
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in stored:
            # The scopes run from the root to the node itself.
            path = next((s for s in reversed(ast.literal_eval(scopes)) if s in modules), "")
            node.metadata_props.add(key=PATH_KEY, value=path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings, log records and printed lines to ourselves."""
    levels = {name: logging.getLogger(name).level for name in _NOISY}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            for name in _NOISY:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
