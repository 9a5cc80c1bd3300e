"""The parts of networks and blocks from which their graphs are put together (``hardware_profiles.onnx.parts``).

A network is its stem, its blocks and its head, as in ``Network.forward``; what the stem does to the outputs is a part
of its own. A part's recipe is its block in its geometry, so blocks share one graph in all networks that have them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hardware_profiles.onnx.export import INPUT, OUTPUT
from hardware_profiles.onnx.parts import INNER, Part
from search_space import Architecture, Block, Geometry
from search_space.blocks import layer_blocks
from supernet.blocks import Stem, deployed
from supernet.catalogue import CHANNEL_MIXERS, HEADS, MIXERS, STEMS
from supernet.composing.roles import STEP, Run, example_of, run_of, value_names
from supernet.elastic import reset_parameters
from supernet.layer import ChannelBlock, MixerBlock

__all__ = ["block_inner", "block_parts", "is_float32", "make_part", "network_parts", "part_of", "parts_of_blocks"]

_REGISTRIES: Mapping[str, Any] = {"stem": STEMS, "mixer": MIXERS, "channel_mixer": CHANNEL_MIXERS, "head": HEADS}

Names = tuple[str, ...]


def network_parts(
    body: nn.Module, architecture: Architecture, geometry: Geometry, example: Tensor
) -> list[Part] | None:
    """Return the parts of a network; ``None`` for inputs of another size than the task's, or weights not in float32.

    Parameters
    ----------
    body
        Has ``stem``, ``mixer_blocks``, ``channel_blocks`` and ``head``, at exactly the architecture's sizes.
    architecture
        What the network computes; integers that are simulated have no parts.
    geometry, example
        Its shapes and an input, ``(B, *input_shape)``.
    """
    task, width = geometry.task, architecture.embed_dim
    in_float = architecture == architecture.in_float() and is_float32(body)
    if tuple(example.shape[1:]) != task.input_shape or not in_float:
        return None

    def part(
        role: str, block: Block, *, name: str, path: str, inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> Part:
        inner = body.get_submodule(path)
        return make_part(role, block, geometry, inner, name=name, path=f"body.{path}", inputs=inputs, outputs=outputs)

    stem = Block(kind="stem", key=task.stem, embed_dim=width)
    head = Block(kind="head", key=task.head, embed_dim=width)
    masks = ("mask",) if task.padded else ()
    parts = [part("stem", stem, name="stem", path="stem", inputs=(INPUT,), outputs=("tokens", *masks))]
    value = "tokens"
    for i, layer in enumerate(architecture.layers):
        mixer, channel = layer_blocks(layer, embed_dim=width, float_precision="fp32")
        for group, block, extra in (("mixer", mixer, masks), ("channel", channel, ())):
            if block is not None:
                names = {"name": f"{group}.{i}", "path": f"{group}_blocks.{i}"}
                after = f"{group}.{i}.tokens"
                parts.append(part(block.kind, block, **names, inputs=(value, *extra), outputs=(after,)))
                value = after
    restores = _restores(task.stem)
    made = "head.output" if restores else OUTPUT
    parts.append(part("head", head, name="head", path="head", inputs=(value, *masks), outputs=(made,)))
    if restores:
        parts.append(part("restore", stem, name="restore", path="stem", inputs=(INPUT, made), outputs=(OUTPUT,)))
    return parts


def block_parts(inner: nn.Module, block: Block, geometry: Geometry, example: Tensor) -> list[Part] | None:
    """Return the parts of ``BlockModule``: the block, and before it where the task is padded a mask of what is real."""
    task = geometry.task
    tokens = (task.seq_len, block.embed_dim)
    if tuple(example.shape[1:]) != (task.input_shape if block.kind == "stem" else tokens) or not is_float32(inner):
        return None
    if block.kind == "stem":
        outputs = (OUTPUT, "mask") if task.padded else (OUTPUT,)
        return [make_part("stem", block, geometry, inner, name="stem", path="inner", inputs=(INPUT,), outputs=outputs)]
    parts: list[Part] = []
    masks: Names = ()
    if task.padded and block.kind in ("mixer", "head"):
        masks = ("mask",)
        any_block = Block(kind="stem", key=task.stem, embed_dim=block.embed_dim)
        parts.append(
            make_part("real", any_block, geometry, nn.Identity(), name="real", path="", inputs=(INPUT,), outputs=masks)
        )
    parts.append(
        make_part(
            block.kind, block, geometry, inner, name=block.kind, path="inner", inputs=(INPUT, *masks), outputs=(OUTPUT,)
        )
    )
    return parts


def block_inner(block: Block, geometry: Geometry) -> nn.Module:
    """Return the module of a block at its own sizes; a mixer or channel mixer with its norm and residual."""
    if block.kind == "mixer":
        return MixerBlock(geometry, [block])
    if block.kind == "channel_mixer":
        return ChannelBlock(geometry, [block])
    inner: nn.Module = _REGISTRIES[block.kind][block.key](geometry.shape(block))
    return inner


def parts_of_blocks(blocks: Iterable[Block], geometry: Geometry, *, step: bool = False) -> Iterator[Part]:
    """Yield all parts that some blocks, and networks that consist of them, have; with weights of their own.

    With ``step`` they are those of one more token in place of whole examples.
    """
    plain = dict.fromkeys(replace(block.in_float(), float_precision="fp32") for block in blocks)
    for block in plain:
        if step:
            yield part_of(_recipe(f"{block.kind}{STEP}", block, geometry, deployed=True))
            continue
        roles: list[tuple[str, Block]] = [(block.kind, block)]
        if block.kind == "stem" and _restores(block.key):
            roles.append(("restore", block))
        if block.kind == "stem" and geometry.task.padded:
            roles.append(("real", block))
        for role, one in roles:
            yield part_of(_recipe(role, one, geometry, deployed=True))


def part_of(recipe: str) -> Part:
    """Return a part of a recipe with weights of its own: what another process exports."""
    told = json.loads(recipe)
    role, block = told["role"], Block(**told["block"])
    geometry = Geometry.from_json(json.dumps(told["geometry"]))
    inner = nn.Identity() if role == "real" else block_inner(block, geometry)
    reset_parameters(inner, torch.Generator().manual_seed(0))
    inputs, outputs = value_names(role, block, geometry)
    return make_part(
        role,
        block,
        geometry,
        deployed(inner.eval()) if told["deployed"] else inner.eval(),
        name=role,
        path=INNER,  # so that no weight has the name of an input, as a table of positions would
        inputs=inputs,
        outputs=outputs,
    )


class _PartModule(nn.Module):
    """A part of a body as a module of tensors."""

    def __init__(self, inner: nn.Module, run: Run) -> None:
        super().__init__()
        self.inner, self._run = inner, run

    def forward(self, *arguments: Tensor) -> Any:
        return self._run(self.inner, *arguments)


def make_part(
    role: str,
    block: Block,
    geometry: Geometry,
    inner: nn.Module,
    *,
    name: str,
    path: str,
    inputs: Names,
    outputs: Names,
) -> Part:
    """Return the part of a role with the weights of ``inner``; the other arguments are those of :class:`Part`."""
    return Part(
        name=name,
        recipe=_recipe(role, block, geometry, deployed=getattr(inner, "integers", None) is not None),
        module=_PartModule(inner, run_of(role, block)).eval(),
        path=path,
        inputs=inputs,
        outputs=outputs,
        example=example_of(role, block, geometry),
    )


def _recipe(role: str, block: Block, geometry: Geometry, *, deployed: bool) -> str:
    options = dict(geometry.constants(block))  # as constants, whether or not a space searches them: one graph for both
    block = replace(block.in_float(), float_precision="fp32", options=())
    told = {
        "role": role,
        "block": block.to_mapping(),
        "geometry": replace(geometry, options={block.key: options}).to_mapping(),
        "deployed": deployed,
        "version": _REGISTRIES[block.kind][block.key].spec.version,
        "sources": _sources(_REGISTRIES[block.kind][block.key]),
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def _restores(stem: str) -> bool:
    return STEMS[stem].restore is not Stem.restore


def is_float32(module: nn.Module) -> bool:
    """Return whether all weights are in float32, as those of templates are."""
    return all(t.dtype == torch.float32 for t in module.state_dict().values() if t.is_floating_point())


@cache
def _sources(block: type[nn.Module]) -> str:
    """Return a digest of the package's code, of which any line may change a graph, and of a block's from elsewhere."""
    digest, folder = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    own = Path(getattr(sys.modules[block.__module__], "__file__", None) or __file__)
    if own.is_file() and not own.is_relative_to(folder):
        digest.update(own.read_bytes())
    return digest.hexdigest()[:16]
