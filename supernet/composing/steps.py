"""The decode step of a causal network, and of one block, as modules of tensors: what is profiled and exported.

Both take the next token, its position and what was remembered, and return the result and what is remembered now. Their
graphs are put together from parts, as those of whole examples are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from hardware_profiles.onnx.export import INPUT, OUTPUT
from hardware_profiles.onnx.parts import Part
from search_space import Block, Geometry
from search_space.blocks import layer_blocks
from search_space.precision import FLOAT
from supernet.blocks import State
from supernet.composing.parts import block_inner, is_float32, make_part
from supernet.composing.roles import POSITION, STEP, example_of, run_of, state_names, value_names
from supernet.elastic import ElasticLinear, reset_parameters
from supernet.model import Network

__all__ = ["BlockStep", "NetworkStep", "block_step"]


class NetworkStep(nn.Module):
    """``Network.step`` with the states one by one, ``state.<layer>.<i>`` in and ``next.<layer>.<i>`` out.

    Parameters
    ----------
    network
        A causal one, in float.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self._counts = [len(state) for state in network.initial_state(1)]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns."""
        return (OUTPUT, *self._names("next"))

    def example(self, batch_size: int, *, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return inputs by name: ids, the last position that there is, and states of zeros."""
        task = self.network.geometry.task
        ids_B1 = torch.randint(1, task.vocab_size, (batch_size, 1), generator=generator)
        states = [t for state in self.network.initial_state(batch_size) for t in state]
        position = torch.tensor(task.seq_len - 1)
        return {INPUT: ids_B1, POSITION: position, **dict(zip(self._names("state"), states, strict=True))}

    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """Run on ids ``(B, 1)``, a position without axes and the states, all by their places in :meth:`example`."""
        token_B1, position, *flat = arguments
        outputs, states = self.network.step(token_B1, list(_grouped(flat, self._counts)), position=position)
        return outputs, *(t for state in states for t in state)

    def parts(self, example: Mapping[str, Tensor]) -> list[Part] | None:
        """Return what its graph is put together from, ``None`` where that is not in float32."""
        network = self.network
        architecture, geometry, body = network.architecture.in_float(), network.geometry, network.body
        if not is_float32(body):
            return None
        task, width, value = geometry.task, architecture.embed_dim, "tokens"

        def part(block: Block, *, name: str, path: str, inputs: Sequence[str], outputs: Sequence[str]) -> Part:
            inner, path = body.get_submodule(path), f"network.body.{path}"
            names = {"inputs": tuple(inputs), "outputs": tuple(outputs)}
            return make_part(f"{block.kind}{STEP}", block, geometry, inner, name=name, path=path, **names)

        stem = Block(kind="stem", key=task.stem, embed_dim=width)
        head = Block(kind="head", key=task.head, embed_dim=width)
        parts = [part(stem, name="stem", path="stem", inputs=(INPUT, POSITION), outputs=(value,))]
        for i, layer in enumerate(architecture.layers):
            mixer, channel = layer_blocks(layer, embed_dim=width, float_precision="fp32")
            before, after = (state_names(prefix, i, self._counts[i]) for prefix in ("state", "next"))
            if mixer is not None:
                made = f"mixer.{i}.tokens"
                names = {"inputs": (value, POSITION, *before), "outputs": (made, *after)}
                parts.append(part(mixer, name=f"mixer.{i}", path=f"mixer_blocks.{i}", **names))
                value = made
            if channel is not None:
                made = f"channel.{i}.tokens"
                names = {"inputs": (value,), "outputs": (made,)}
                parts.append(part(channel, name=f"channel.{i}", path=f"channel_blocks.{i}", **names))
                value = made
        return [*parts, part(head, name="head", path="head", inputs=(value,), outputs=(OUTPUT,))]

    def precision_policy(self) -> dict[str, str]:
        """Return the precision of every linear layer that is not float, by module path."""
        return {f"network.{path}": precision for path, precision in self.network.precision_policy().items()}

    def _names(self, prefix: str) -> tuple[str, ...]:
        return tuple(name for i, count in enumerate(self._counts) for name in state_names(prefix, i, count))


class BlockStep(nn.Module):
    """One block on one more token, for profiling; the arguments of :class:`supernet.extract.BlockModule`."""

    def __init__(self, block: Block, geometry: Geometry) -> None:
        super().__init__()
        self.block, self.geometry = block, geometry
        self.inner = block_inner(block, geometry)
        self._role = f"{block.kind}{STEP}"
        self._run = run_of(self._role, block)
        inputs, outputs = value_names(self._role, block, geometry)
        self._inputs, self.outputs = (INPUT, *inputs[1:]), (OUTPUT, *outputs[1:])

    def example(self, batch_size: int, *, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return inputs by name, at a random position."""
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        made = example_of(self._role, self.block, self.geometry, batch_size=batch_size)(generator)
        return dict(zip(self._inputs, made, strict=True))

    def forward(self, *arguments: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run the block at its own sizes on what :meth:`example` names, in that order."""
        result: Tensor | tuple[Tensor, ...] = self._run(self.inner, *arguments)
        return result

    def parts(self, example: Mapping[str, Tensor]) -> list[Part] | None:
        """Return what its graph is put together from."""
        if not is_float32(self.inner):
            return None
        names = {"inputs": self._inputs, "outputs": self.outputs}
        return [make_part(self._role, self.block, self.geometry, self.inner, name="step", path="inner", **names)]

    def precision_policy(self) -> dict[str, str]:
        """Return the precision of every linear layer by module path; empty for a float block."""
        if self.block.precision == FLOAT:
            return {}
        return {name: self.block.precision for name, m in self.named_modules() if isinstance(m, ElasticLinear)}


def block_step(block: Block, geometry: Geometry, *, generator: torch.Generator) -> BlockStep:
    """Build the step of one block alone, in float, with random weights."""
    module = BlockStep(block, geometry)
    reset_parameters(module, generator)
    return module.eval()


def _grouped(flat: Sequence[Tensor], counts: Sequence[int]) -> Iterator[State]:
    start = 0
    for count in counts:
        yield tuple(flat[start : start + count])
        start += count
