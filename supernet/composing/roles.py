"""What the parts of networks compute, and on what: of whole examples, and of one more token.

A role is a kind of block, or what a stem does besides; with ``_step`` at its end it is the same for one token of a
decoder. Shape legend: B batch, L tokens, D embed_dim.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from search_space import Block, Geometry
from search_space.blocks import layer_of
from search_space.spec import Int8
from supernet.catalogue import HEADS, MIXERS
from supernet.example import example_input

__all__ = ["POSITION", "STEP", "Example", "Run", "example_of", "run_of", "state_names", "value_names"]

STEP, POSITION = "_step", "position"
_EXAMPLES = 2

Run = Callable[..., Any]
Names = tuple[str, ...]
Example = Callable[[torch.Generator], tuple[Tensor, ...]]


def state_names(prefix: str, layer: int, count: int) -> Names:
    """Return the names of the tensors that a layer remembers: ``state.3.0``, or ``next.3.0`` after the token."""
    return tuple(f"{prefix}.{layer}.{i}" for i in range(count))


def value_names(role: str, block: Block, geometry: Geometry) -> tuple[Names, Names]:
    """Return names of what a part that stands alone reads and writes."""
    masks = ("mask",) if geometry.task.padded else ()
    count = len(_state_shapes(block, geometry)) if role == f"mixer{STEP}" else 0
    inputs: dict[str, Names] = {
        "stem": ("batch",),
        "restore": ("batch", "outputs"),
        "mixer": ("tokens", *masks),
        "head": ("tokens", *masks),
        f"stem{STEP}": ("batch", POSITION),
        f"mixer{STEP}": ("tokens", POSITION, *state_names("state", 0, count)),
    }
    outputs: dict[str, Names] = {
        "stem": ("tokens", *masks),
        f"mixer{STEP}": ("result", *state_names("next", 0, count)),
    }
    return inputs.get(role, ("tokens",)), outputs.get(role, ("result",))


def run_of(role: str, block: Block) -> Run:
    """Return what a part does with its module and its inputs."""
    layer = layer_of(block)

    def stem(inner: Any, batch: Tensor) -> Any:
        x_BLD, mask_BL = inner(batch, embed_dim=block.embed_dim), inner.mask(batch)
        return x_BLD if mask_BL is None else (x_BLD, mask_BL)

    def mixer_step(inner: Any, x_B1D: Tensor, position: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y_B1D, after = inner.step(x_B1D, layer, state, position=position)
        return y_B1D, *after

    runs: dict[str, Run] = {
        "stem": stem,
        "mixer": lambda inner, x_BLD, mask_BL=None: inner(x_BLD, layer, mask_BL),
        "channel_mixer": lambda inner, x_BLD: inner(x_BLD, layer),
        "head": lambda inner, x_BLD, mask_BL=None: inner(x_BLD, mask_BL=mask_BL),
        "restore": lambda inner, batch, outputs: inner.restore(outputs, batch),
        # A comparison of the input, so that the masked form is measured and not a folded constant.
        "real": lambda inner, x_BLD: x_BLD[..., 0] < torch.inf,
        f"stem{STEP}": lambda inner, batch, position: inner.step(batch, embed_dim=block.embed_dim, position=position),
        f"mixer{STEP}": mixer_step,
        f"channel_mixer{STEP}": lambda inner, x_B1D: inner(x_B1D, layer),
        f"head{STEP}": lambda inner, x_B1D: inner(x_B1D),
    }
    return runs[role]


def example_of(role: str, block: Block, geometry: Geometry, *, batch_size: int = _EXAMPLES) -> Example:
    """Return a maker of inputs, of two examples by default; the second one is padded where the task is.

    Those of one token have a position within the sequence and positive states, as sums of features are.
    """
    task = geometry.task
    length = 1 if role.endswith(STEP) else task.seq_len

    def batch(generator: torch.Generator) -> Tensor:
        inputs = example_input(task, batch_size=batch_size, generator=generator)
        if task.padded:
            inputs[1, -(inputs.shape[1] // 3) - 1 :] = 0
        return inputs

    def tokens(generator: torch.Generator) -> Tensor:
        return torch.randn(batch_size, length, block.embed_dim, generator=generator)

    def mask() -> Tensor:
        real_BL = torch.ones(batch_size, task.seq_len, dtype=torch.bool)
        real_BL[1, max(1, task.seq_len - task.seq_len // 3) :] = False
        return real_BL

    def restored(generator: torch.Generator) -> tuple[Tensor, ...]:
        head = Block(kind="head", key=task.head, embed_dim=block.embed_dim)
        module = HEADS[task.head](geometry.shape(head)).eval()
        with torch.no_grad():
            shape = module(tokens(generator)).shape
        return batch(generator), torch.randn(shape, generator=generator)

    def position(generator: torch.Generator) -> Tensor:
        return torch.randint(task.seq_len // 2, task.seq_len, (), generator=generator)

    def mixer_step(generator: torch.Generator) -> tuple[Tensor, ...]:
        shapes = _state_shapes(block, geometry)
        states = (_state(batch_size, shape, generator) for shape in shapes)
        return tokens(generator), position(generator), *states

    if role == "stem":
        return lambda generator: (batch(generator),)
    if role == "restore":
        return restored
    if role in ("mixer", "head") and task.padded:
        return lambda generator: (tokens(generator), mask())
    if role == f"stem{STEP}":
        return lambda generator: (batch(generator)[:, :1], position(generator))
    if role == f"mixer{STEP}":
        return mixer_step
    return lambda generator: (tokens(generator),)


def _state(batch_size: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if isinstance(shape, Int8):
        return torch.randint(-127, 128, (batch_size, *shape), dtype=torch.int8, generator=generator)
    return torch.rand(batch_size, *shape, generator=generator)


def _state_shapes(block: Block, geometry: Geometry) -> tuple[tuple[int, ...], ...]:
    return MIXERS[block.key].spec.state(geometry.shape(block))
