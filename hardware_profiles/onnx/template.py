"""The graph of a part without its weights: exported once, for whatever weights the part has later.

The exporter turns, cuts and folds weights. Which initializer came from which weight, and how, is found by exporting
random values, no two alike, and looking for them in the graph. A template proves itself before it is used: with other
random weights, ONNX Runtime must compute from it what PyTorch computes.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from hardware_profiles.onnx.export import INPUT, export_several
from hardware_profiles.onnx.parts import Part
from search_space.errors import NasweaveError

__all__ = ["NotComposableError", "Template", "Weight", "export_template", "prove", "with_random_weights"]

_WEIGHTS_KEY = "nasweave.weights"
_SYMBOL = re.compile(r"\b(s\d+|rows)\b")  # the exporter's names of a size that varies, which is the batch alone
_MOST_INDICES = 4096
_FEW_VALUES = 2**16
_TOLERANCE = 1e-4  # of the norm of the outputs; a wrong weight changes all of it
_ATTEMPTS = 3  # at inputs where a choice, such as the k largest, does not hang on the last bit

Array = NDArray[np.generic]


class NotComposableError(NasweaveError):
    """A part has no template; the whole module is exported instead."""

    def __init__(self, part: Part, reason: str) -> None:
        super().__init__(
            f"graph of {part.name}", expected="a template for any weights", got=reason, remedy="export the whole"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """How an initializer comes from a weight.

    Parameters
    ----------
    path
        Of the weight in the part's module.
    turned
        Whether the axes change places.
    indices
        Of the values in the weight when it is flattened; ``None`` for all of them in their order.
    """

    path: str
    turned: bool = False
    indices: tuple[int, ...] | None = None

    def apply(self, weight: Array, dims: tuple[int, ...]) -> Array:
        """Return the initializer, of the shape ``dims``."""
        values = weight.T if self.turned else weight
        if self.indices is not None:
            values = values.reshape(-1)[list(self.indices)]
        return np.ascontiguousarray(values).reshape(dims)


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A graph and the weights it lacks.

    Parameters
    ----------
    model
        Holds the constants as initializers. Inputs, outputs and nodes have the names that the exporter gave them.
    weights, dims
        Where each missing initializer comes from, and its shape, by its name.
    """

    model: onnx.ModelProto
    weights: Mapping[str, Weight]
    dims: Mapping[str, tuple[int, ...]]

    def bound(self, state: Mapping[str, Tensor]) -> Iterator[tuple[str, Weight, Array]]:
        """Yield the name, the origin and the values of each initializer that comes from a weight."""
        for name, weight in self.weights.items():
            yield name, weight, weight.apply(state[weight.path].detach().cpu().numpy(), self.dims[name])

    def to_bytes(self) -> bytes:
        """Return the bytes that :meth:`from_bytes` reads."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        told = {
            name: {"path": w.path, "turned": w.turned, "indices": w.indices, "dims": self.dims[name]}
            for name, w in self.weights.items()
        }
        model.metadata_props.add(key=_WEIGHTS_KEY, value=json.dumps(told))
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    @classmethod
    def from_bytes(cls, content: bytes) -> Template:
        """Read a template; raises ``ValueError`` for anything else."""
        try:
            model = onnx.load_from_string(content)
            if _holds_graphs(model):
                raise ValueError("functions or graphs within the graph")
            (text,) = (p.value for p in model.metadata_props if p.key == _WEIGHTS_KEY)
            del model.metadata_props[:]
            told = json.loads(text)
            dims = {name: tuple(entry.pop("dims")) for name, entry in told.items()}
            weights = {
                name: Weight(**{**entry, "indices": None if entry["indices"] is None else tuple(entry["indices"])})
                for name, entry in told.items()
            }
        except Exception as error:  # protobuf's own error is no ValueError
            raise ValueError(f"no template: {error}") from error
        return cls(model=model, weights=weights, dims=dims)


def export_template(part: Part) -> Template:
    """Export a part; raises :class:`NotComposableError` where its weights cannot be told apart in the graph."""
    module = with_random_weights(part, seed=1).module
    example = part.example(torch.Generator().manual_seed(1))
    inputs = {f"in{i}": tensor for i, tensor in enumerate(example)}
    model = export_several(module, inputs, outputs=[f"out{i}" for i in range(len(part.outputs))])
    if _holds_graphs(model):
        raise NotComposableError(part, "functions or graphs within the graph")
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    weights: dict[str, Weight] = {}
    dims: dict[str, tuple[int, ...]] = {}
    constants = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        source = _source(tensor.name, array, state)
        if source is None:
            constants.append(tensor)
        else:
            weights[tensor.name], dims[tensor.name] = source, array.shape
    kept = [onnx.TensorProto.FromString(t.SerializeToString()) for t in constants]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = _SYMBOL.sub(INPUT, dim.dim_param)
    return Template(model=model, weights=weights, dims=dims)


def _holds_graphs(model: onnx.ModelProto) -> bool:
    attributes = (attribute for node in model.graph.node for attribute in node.attribute)
    return bool(model.functions) or any(a.HasField("g") or a.graphs for a in attributes)


def _source(name: str, array: Array, state: Mapping[str, Array]) -> Weight | None:
    """Return the weight whose values an initializer holds, or ``None`` for a constant."""
    named = [name] if name in state else []
    for path in (*named, *(p for p, w in state.items() if w.size == array.size and w.dtype == array.dtype)):
        weight = state[path]
        if np.array_equal(weight.reshape(-1), array.reshape(-1)):
            return Weight(path=path)
        if weight.ndim == 2 and np.array_equal(weight.T.reshape(-1), array.reshape(-1)):
            return Weight(path=path, turned=True)
    if array.dtype.kind != "f" or not 0 < array.size <= _MOST_INDICES:
        return None
    for path, weight in state.items():
        if weight.dtype != array.dtype or not 0 < weight.size <= _FEW_VALUES:
            continue
        order = np.argsort(weight, axis=None)
        values = weight.reshape(-1)[order]
        places = np.minimum(np.searchsorted(values, array.reshape(-1)), weight.size - 1)
        if np.array_equal(values[places], array.reshape(-1)):
            return Weight(path=path, indices=tuple(order[places].tolist()))
    return None


def prove(part: Part, model: onnx.ModelProto) -> None:
    """Raise :class:`NotComposableError` unless ONNX Runtime computes from a graph what PyTorch does.

    Parameters
    ----------
    part
        With weights that its template has not seen.
    model
        The template's graph with these weights.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for seed in range(2, 2 + _ATTEMPTS):
            difference = _difference(session, part, seed=seed)
            if difference <= _TOLERANCE:
                return
    except Exception as error:  # the runtime's own have no class in common
        raise NotComposableError(part, f"a graph that does not run: {error}") from error
    raise NotComposableError(part, f"{difference:.1e} of the outputs' norm beside PyTorch")


def _difference(session: Any, part: Part, *, seed: int) -> float:
    example = part.example(torch.Generator().manual_seed(seed))
    read = {value.name for value in session.get_inputs()}
    given = {name: tensor.numpy() for name, tensor in zip(part.inputs, example, strict=True) if name in read}
    found = session.run(list(part.outputs), given)
    with torch.no_grad():
        expected = part.module(*example)
    largest = 0.0
    for y, right in zip(found, expected if isinstance(expected, tuple) else (expected,), strict=True):
        a, b = torch.from_numpy(y).double(), right.double()
        if a.shape != b.shape:
            return float("inf")
        largest = max(largest, float((a - b).norm() / b.norm().clamp(min=1e-12)))
    return largest


def with_random_weights(part: Part, *, seed: int) -> Part:
    """Return a part with a module of its own, in which no two values are alike."""
    module, generator = copy.deepcopy(part.module), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.5)
            elif tensor.dtype == torch.int8:
                tensor.copy_(torch.randint(-127, 128, tensor.shape, generator=generator))
    return replace(part, module=module)
