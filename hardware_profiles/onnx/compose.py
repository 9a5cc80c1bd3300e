"""Put the graph of a module together from the templates of its parts: milliseconds in place of an export.

Nodes are copied under names of their part, values wired as the parts say, initializers made from the weights. What the
exporter does over the whole graph is done here too: equal small constants become one, nodes that compute the same from
the same become one, and what no output needs is left out. So the result has the nodes of an export of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import numpy_helper

from hardware_profiles.onnx.export import PATH_KEY
from hardware_profiles.onnx.parts import INNER, Part
from hardware_profiles.onnx.template import Template, Weight

__all__ = ["compose"]

_SHARED_SIZE = 1024  # values of a constant up to which equal ones are stored once, as the exporter has it


def compose(parts: Sequence[Part], templates: Sequence[Template], *, outputs: Sequence[str]) -> onnx.ModelProto:
    """Return the graph of the parts with the weights of their modules.

    Parameters
    ----------
    parts
        In the order in which they run. A name that no part writes is an input of the graph.
    templates
        One a part.
    outputs
        Names of the values that the graph returns.
    """
    graph = _Graph()
    for part, template in zip(parts, templates, strict=True):
        graph.add(part, template)
    first = templates[0].model
    model = onnx.ModelProto(ir_version=first.ir_version, producer_name="nasweave", graph=graph.finish(outputs))
    model.opset_import.extend(first.opset_import)
    return model


class _Graph:
    """A graph in the making."""

    def __init__(self) -> None:
        self.inputs: dict[str, onnx.ValueInfoProto] = {}
        self.values: dict[str, onnx.ValueInfoProto] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self._constants: dict[tuple[object, ...], str] = {}
        self._computed: dict[tuple[object, ...], list[str]] = {}

    def add(self, part: Part, template: Template) -> None:
        """Add a part; what it reads is there already, or becomes an input."""
        source = template.model.graph
        names: dict[str, str] = {}
        for name, value in zip(part.inputs, source.input, strict=True):
            if name not in self.values:
                self.inputs.setdefault(name, _named(value, name))
            names[value.name] = name
        for name, value in zip(part.outputs, source.output, strict=True):
            names[value.name] = name
            self.values[name] = _named(value, name)
        for tensor in source.initializer:
            names[tensor.name] = self._constant(tensor, f"{part.name}/{tensor.name}")
        state = part.module.state_dict()
        for name, weight, array in template.bound(state):
            whole = weight.indices is None and array.ndim == state[weight.path].dim()
            names[name] = _weight_name(part, weight) if whole else f"{part.name}/{name}"
            self.stored[names[name]] = numpy_helper.from_array(array, names[name])
        for value in source.value_info:
            if value.name not in names:
                names[value.name] = f"{part.name}/{value.name}"
                self.values[names[value.name]] = _named(value, names[value.name])
        fixed = set(part.outputs)
        for node in source.node:
            self._add_node(part, node, names, fixed)

    def _add_node(self, part: Part, node: onnx.NodeProto, names: dict[str, str], fixed: set[str]) -> None:
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.name = f"{part.name}/{node.name}"
        made.input[:] = [names[name] if name else "" for name in node.input]
        made.output[:] = [names.setdefault(name, f"{part.name}/{name}") if name else "" for name in node.output]
        for told in made.metadata_props:
            if told.key == PATH_KEY:
                told.value = _moved(part, told.value)
        key = (made.domain, made.op_type, *made.input, None, *(a.SerializeToString() for a in made.attribute))
        before = self._computed.get(key)
        if before is not None and not fixed & set(made.output) and len(before) == len(made.output):
            names.update(zip(node.output, before, strict=True))
            return
        self._computed.setdefault(key, list(made.output))
        self.nodes.append(made)

    def _constant(self, tensor: onnx.TensorProto, name: str) -> str:
        """Store a constant, small equal ones once; returns the name it has."""
        made = onnx.TensorProto()
        made.CopyFrom(tensor)
        made.name = ""
        size = 1
        for n in made.dims:
            size *= n
        key = (made.SerializeToString(deterministic=True),)
        if size <= _SHARED_SIZE and key in self._constants:
            return self._constants[key]
        self._constants[key] = made.name = name
        self.stored[name] = made
        return name

    def finish(self, outputs: Sequence[str]) -> onnx.GraphProto:
        """Return the graph of what the outputs need."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                kept.append(node)
                needed.update(node.input)
        graph = onnx.GraphProto(name="network", node=reversed(kept))
        graph.input.extend(self.inputs.values())
        graph.output.extend(self.values[name] for name in outputs)
        graph.initializer.extend(tensor for name, tensor in self.stored.items() if name in needed)
        made = {name for node in kept for name in node.output} - set(outputs)
        graph.value_info.extend(value for name, value in self.values.items() if name in made)
        return graph


def _named(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    made = onnx.ValueInfoProto()
    made.CopyFrom(value)
    made.name = name
    return made


def _moved(part: Part, path: str) -> str:
    """Return a module path of the part as one of the whole."""
    rest = path.removeprefix(INNER).removeprefix(".")
    return f"{part.path}.{rest}" if rest and part.path else rest or part.path


def _weight_name(part: Part, weight: Weight) -> str:
    return _moved(part, weight.path) + (".T" if weight.turned else "")
