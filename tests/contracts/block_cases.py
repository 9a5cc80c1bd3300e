"""Every stem, mixer, channel mixer and head at its default options, in every form that it declares.

On a grid, on a sequence, causal, with padding; stems and heads also on series, stems of steps, of columns and behind a
class token, those of tokens also with a table of 8-bit integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from search_space import Block, BlockSpec, Geometry, TaskShape
from search_space.spec import Scalar
from supernet.catalogue import CHANNEL_MIXERS, HEADS, MIXERS, STEMS, catalogue
from supernet.example import example_input
from supernet.extract import block_module

CATALOGUE = catalogue()
REGISTRIES = {"stem": STEMS, "mixer": MIXERS, "channel_mixer": CHANNEL_MIXERS, "head": HEADS}
TASKS = {
    "grid": TaskShape(input_shape=(3, 16, 16), num_outputs=5, seq_len=64, grid=(8, 8)),
    "sequence": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40),
    "causal": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40, causal=True, vocab_size=50),
    "padded": TaskShape(input_shape=(40,), num_outputs=5, seq_len=40, padded=True, vocab_size=50),
    "class": TaskShape(input_shape=(3, 16, 16), num_outputs=5, seq_len=65),
    "series": TaskShape(input_shape=(24, 5), num_outputs=7, seq_len=20, grid=(5, 4)),
    "steps": TaskShape(input_shape=(40, 3), num_outputs=5, seq_len=10),
    "padded steps": TaskShape(input_shape=(40, 3), num_outputs=5, seq_len=10, padded=True),
    "columns": TaskShape(input_shape=(6,), num_outputs=5, seq_len=6, categories=(0, 0, 0, 0, 3, 5)),
    "numbers": TaskShape(input_shape=(4,), num_outputs=5, seq_len=4, categories=(0,) * 4),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """A block in one of its forms."""

    spec: BlockSpec
    form: str
    options: Mapping[str, Scalar] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.spec.key, self.form, *map(str, self.options.values())])

    @property
    def geometry(self) -> Geometry:
        return Geometry(task=TASKS[self.form], head_dim=8, options={self.spec.key: self.options})

    def block(self, *, embed_dim: int = 16, num_heads: int = 2, ratio: float = 2.0) -> Block:
        return Block(
            kind=self.spec.kind,
            key=self.spec.key,
            embed_dim=embed_dim,
            num_heads=num_heads if self.spec.has_heads else 0,
            ratio=ratio if self.spec.has_ratio else 0.0,
        )

    def module(self, block: Block) -> torch.nn.Module:
        return block_module(block, self.geometry, generator=torch.Generator().manual_seed(1))

    def example(self, batch: int, *, embed_dim: int = 16, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(100 + seed)
        if self.spec.kind == "stem":
            return example_input(self.geometry.task, batch_size=batch, generator=generator)
        return torch.randn(batch, self.geometry.task.seq_len, embed_dim, generator=generator)


def forms(spec: BlockSpec) -> list[str]:
    """Return the forms in which a block exists; what a form changes nothing for is left out."""
    found = []
    for form, task in TASKS.items():
        exists = spec.causal if task.causal else spec.bidirectional
        exists &= "mixer" not in spec.kind or form != "series"
        exists &= spec.kind != "channel_mixer" or form != "padded"
        exists &= spec.kind == "stem" or form not in ("class", "steps", "padded steps", "columns", "numbers")
        case = Case(spec=spec, form=form)
        if exists and (task.grid or not spec.needs_grid) and not spec.check(case.geometry.shape(case.block())):
            found.append(form)
    return found


SPECS = [block.spec for registry in REGISTRIES.values() for block in registry.values()]


CASES = [Case(spec=s, form=f) for s in SPECS if s.key != "identity" for f in forms(s)]


CASES += [replace(c, options={"relative_bias": True}) for c in CASES if "relative_bias" in c.spec.options]
CASES += [replace(c, options={"table": "int8"}) for c in CASES if "table" in c.spec.options]
ATTENDING = {"kv_heads": 1, "positions": "rotary"}
CASES += [
    replace(c, options={name: value for name, value in ATTENDING.items() if name in c.spec.options})
    for c in CASES
    if "kv_heads" in c.spec.options and c.form == "causal"
]


each = pytest.mark.parametrize("case", CASES, ids=str)
