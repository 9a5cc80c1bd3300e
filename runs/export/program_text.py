"""A ``torch.export`` program as Python text: one line an operation, and the tensors that it reads.

What depends on weights alone, such as their rounding to integers, is computed here and stored in their place.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from search_space.errors import RuntimeUnavailableError

__all__ = ["ProgramText", "program_text"]

_SILENT = ("aten._assert_tensor_metadata.default", "aten._assert_scalar.default")
_SAME = ("aten.alias.default", "aten.detach.default")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramText:
    """The lines of a function of ``inputs`` and ``weights``, and the weights by name."""

    lines: tuple[str, ...]
    weights: Mapping[str, Tensor]


def program_text(program: ExportedProgram) -> ProgramText:
    """Return the text of a program with one input and one output.

    Raises
    ------
    RuntimeUnavailableError
        An operation has no name in ``torch.ops``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyTorch copies a class of its own that it deprecates
        # Without operations in place: what is computed here is never changed.
        program = program.run_decompositions({})
    return _Writer(program).write()


class _Writer:
    def __init__(self, program: ExportedProgram) -> None:
        self.nodes = list(program.graph.nodes)
        self.known: dict[Node, Any] = {}  # values that depend on no input
        self.stored: dict[str, Node] = {}  # names of those that are read
        self.names: dict[Node, str] = {}
        stored = {**program.state_dict, **program.constants}
        specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        for node in self.nodes:
            if node.op != "placeholder":
                continue
            spec = specs[node.name]
            if spec.kind == InputKind.USER_INPUT:
                self.names[node] = "inputs"
            else:
                assert spec.target is not None
                self.known[node] = stored[spec.target].detach()
                self.names[node] = spec.target.removeprefix("body.")

    def write(self) -> ProgramText:
        calls, result = [], None
        for node in self.nodes:
            if node.op == "output":
                (result,) = node.args[0]
            elif node.op == "call_function" and str(node.target) not in _SILENT:
                if str(node.target) in _SAME:
                    self._rename(node)
                elif all(n in self.known for n in node.all_input_nodes) and self._compute(node):
                    self.names[node] = f"{node.name}"
                else:
                    calls.append(node)
                    self.names[node] = node.name
        assert isinstance(result, Node)
        lines, last = [], self._last_uses(calls, result)
        for node in calls:
            text = f"{node.name} = {self._function(node)}({self._arguments(node)})"
            over = [name for name in last.get(node, ()) if name != "inputs"]
            lines.append(f"{text}; del {', '.join(over)}" if over else text)
        lines.append(f"return {self._text(result)}")
        return ProgramText(lines=tuple(lines), weights={name: self.known[node] for name, node in self.stored.items()})

    def _rename(self, node: Node) -> None:
        (source,) = node.all_input_nodes
        self.names[node] = self.names[source]
        if source in self.known:
            self.known[node] = self.known[source]

    def _compute(self, node: Node) -> bool:
        with torch.inference_mode():
            args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda n: self.known[n])
            self.known[node] = node.target(*args, **kwargs)  # type: ignore[operator]
        return True

    def _last_uses(self, calls: list[Node], result: Node) -> dict[Node, list[str]]:
        """Return the variables that each call is the last to read, so that memory is given back as by the module."""
        last: dict[str, Node] = {}
        own = {node.name for node in calls}
        for node in calls:
            for source in node.all_input_nodes:
                if source not in self.known and self.names[source] in own:
                    last[self.names[source]] = node
        last.pop(self.names[result], None)
        out: dict[Node, list[str]] = {}
        for name, node in last.items():
            out.setdefault(node, []).append(name)
        return out

    def _function(self, node: Node) -> str:
        target = node.target
        if isinstance(target, torch._ops.OpOverload):
            return str(target) if target.namespace == "aten" else f"torch.ops.{target}"
        if getattr(operator, getattr(target, "__name__", ""), None) is target:
            return f"operator.{target.__name__}"
        if getattr(torch, getattr(target, "__name__", ""), None) is target:
            return f"torch.{target.__name__}"
        raise RuntimeUnavailableError(
            "export.formats",
            expected="operations that PyTorch alone names, for python",
            got=str(target),
            remedy="leave python out",
        )

    def _arguments(self, node: Node) -> str:
        parts = [self._text(value) for value in node.args]
        parts += [f"{name}={self._text(value)}" for name, value in node.kwargs.items() if name != "pin_memory"]
        return ", ".join(parts)

    def _text(self, value: Any) -> str:
        if isinstance(value, Node):
            if value not in self.known:
                return self.names[value]
            if not isinstance(self.known[value], Tensor):
                return self._text(self.known[value])
            self.stored[self.names[value]] = value
            return f"weights[{self.names[value]!r}]"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(self._text, value))}]"
        if isinstance(value, torch.device):
            return "inputs.device"
        if isinstance(value, float) and value in (float("inf"), -float("inf")):
            return f'float("{value}")'
        return str(value) if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)) else repr(value)
