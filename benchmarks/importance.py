"""Which order of a checkpoint's parts loses least when a network keeps the first of each: by norms or by activations?

``python -m benchmarks.importance DIR TEXTS`` cuts networks of fewer heads, hidden channels and features out of an
encoder of sentences, ordered each way, and prints how far their vectors of the validation texts are from the
checkpoint's, before any step and after ``--steps`` steps of AdamW.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn

from runs.pipeline.starts import examples_of
from search_space import Architecture, space_from_mapping
from supernet import Supernet, catalogue, extract
from supernet.pretrained import Pretrained
from supernet.tasks import TASKS, TaskData

_RATE, _BATCH = 5e-4, 32


def cut(largest: Architecture, *, width: float = 1, heads: float = 1, ratio: float = 1) -> Architecture:
    """Return the network of a share of the largest one's parts."""
    layers = tuple(
        replace(layer, num_heads=round(heads * layer.num_heads), ratio=ratio * layer.ratio) for layer in largest.layers
    )
    return replace(largest, embed_dim=round(width * largest.embed_dim), layers=layers)


def judged(network: nn.Module, data: TaskData) -> dict[str, float]:
    """Return recall@10 in percent and the cosine distance on the validation split."""
    with torch.no_grad():
        outputs = network.eval()(data.validation.inputs)
    targets = data.validation.targets
    return {
        "recall_at_10": round(100 - data.error(outputs, targets), 1),
        "distance": round(data.loss(outputs, targets).item(), 3),
    }


def trained(network: nn.Module, data: TaskData, *, steps: int, seed: int) -> nn.Module:
    """Train a network in place; returns it."""
    optimizer, generator = torch.optim.AdamW(network.parameters(), lr=_RATE), torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(steps):
        inputs, targets = data.train.batch(torch.randint(len(data.train), (_BATCH,), generator=generator))
        optimizer.zero_grad()
        data.loss(network(inputs), targets).backward()
        optimizer.step()
    return network


def measure(folder: Path, texts: str, *, steps: int, seed: int) -> dict[str, Any]:
    """Return a row for each network and order."""
    options = {"path": texts, "checkpoint_path": str(folder), "trim_vocabulary": True}
    data = TASKS["embedding"].load(options=options)
    pretrained = Pretrained(folder, token_rows=data.token_rows)
    declaration = {**pretrained.declaration(), "precision": ["float"]}
    space = space_from_mapping(declaration, task=data.shape, catalogue=catalogue())
    networks = {
        "whole": {},
        "two thirds of the heads": {"heads": 2 / 3},
        "half the hidden channels": {"ratio": 0.5},
        "three quarters of the width": {"width": 0.75},
        "half the width": {"width": 0.5},
        "all three": {"width": 0.75, "heads": 2 / 3, "ratio": 0.5},
    }
    rows = []
    for order, examples in (("norms", None), ("activations", examples_of(data))):
        supernet = Supernet(space, generator=torch.Generator().manual_seed(seed)).eval()
        pretrained.initialise(supernet, examples=examples)
        for name, shares in networks.items():
            network = extract(supernet, cut(space.largest, **shares))
            row = {"network": name, "order": order, "before": judged(network, data)}
            if steps and shares:
                row["after"] = judged(trained(network, data, steps=steps, seed=seed), data)
            rows.append(row)
            print(json.dumps(row), flush=True)
    versions = {"torch": torch.__version__, "machine": platform.processor() or platform.machine()}
    sizes = {"train": len(data.train), "validation": len(data.validation)}
    return {
        "date": date.today().isoformat(),
        "checkpoint": str(pretrained),
        **versions,
        **sizes,
        "steps": steps,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write everything to this JSON file")
    options = parser.parse_args()
    found = measure(options.folder, options.texts, steps=options.steps, seed=options.seed)
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
