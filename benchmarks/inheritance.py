"""What a donor's weights are worth to the children of a search: how far on the way to them a child should begin.

``python -m benchmarks.inheritance --task TASK`` trains random donors in rounds to full trainings, and children of each
(one gene changed, several genes changed) from every share of the way between random weights and the donor's; 0 is
training alone. It tells the validation errors of the children after each round, averaged, and of the donors.
``--json`` prints one object; further words are overrides of ``nasweave run``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.anytime_setting import Setting, add_setting_arguments, open_setting
from benchmarks.optimizers import networks, rounds, shares
from hardware_profiles import this_device
from runs.evaluation.rounds import RoundsEvaluator, inherited_start, random_start
from runs.search.fidelities.neighbours import one_gene_neighbours
from search_space import Architecture
from search_space.errors import NasweaveError
from supernet import Network

_GENES = {"one gene": 1, "several genes": 5}
_LONGEST = 1.3  # times the donor's latency: children of about its kind


def children(setting: Setting, donor: Architecture, *, seed: int) -> dict[str, Architecture]:
    """Return a child of a donor by each number of changed genes."""
    rng, space = np.random.default_rng([seed, 3]), setting.space
    row = space.encode([donor])
    limit = _LONGEST * setting.known(row)[0, 0]
    found = {}
    for name, count in _GENES.items():
        child = row
        for _ in range(count):
            near = one_gene_neighbours(space, child)
            near = near[setting.known(near)[:, 0] <= limit]
            child = near[[rng.integers(len(near))]]
        found[name] = space.decode(child)[0]
    return found


def trainer(setting: Setting, folder: Path, *, seed: int, donor: Network | None = None, share: float = 0) -> Any:
    """Return what trains networks from random weights, or from a share of the way to a donor's."""
    start = random_start(setting.space, seed=seed)
    if donor is not None and share > 0:
        start = inherited_start(start, donor, share=share)
    config = replace(setting.rounds, seed=seed)
    return RoundsEvaluator(
        setting.space,
        setting.data,
        config,
        folder=folder,
        start=start,
        origin=f"benchmark {seed}",
        optimizer=setting.search.optimizer,
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    torch.set_num_threads(1)
    setting = open_setting(options.task, options.override, data_root=options.data_root)
    errors: dict[str, list[list[float]]] = {}
    donors = []
    with tempfile.TemporaryDirectory(prefix="inheritance-") as scratch:
        for seed, donor in enumerate(networks(setting, options.donors)):
            first = trainer(setting, Path(scratch) / f"{seed}", seed=seed)
            donors.append([first.train(donor, steps=steps).error for steps in options.donor_rounds])
            for kind, child in children(setting, donor, seed=seed).items():
                for share in options.shares:
                    folder = Path(scratch) / f"{seed}-{kind}-{share}"
                    beside = trainer(setting, folder, seed=seed, donor=first.network(donor), share=share)
                    found = [beside.train(child, steps=steps).error for steps in options.rounds]
                    errors.setdefault(f"{kind}, {share:g}", []).append(found)
    return {
        "task": options.task,
        "donor_rounds": list(options.donor_rounds),
        "donor_errors": np.round(donors, 3).tolist(),
        "rounds": list(options.rounds),
        "machine": this_device().cpu_model,
        "errors": {way: np.mean(found, axis=0).round(3).tolist() for way, found in errors.items()},
        "every": {way: np.round(found, 3).tolist() for way, found in errors.items()},
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting_arguments(parser)
    parser.add_argument("--donors", type=shares, default=shares("0.1,0.3,0.5"), help="of random networks, by latency")
    parser.add_argument("--donor-rounds", type=rounds, default=rounds("100,400,1600"), help="of donors (100,400,1600)")
    parser.add_argument("--rounds", type=rounds, default=rounds("100,200,400"), help="of children (100,200,400)")
    parser.add_argument("--shares", type=_shares, default=_shares("0,0.3,0.6,1"), help="of the way to the donor")
    options = parser.parse_args()
    try:
        result = measure(options)
    except NasweaveError as error:
        raise SystemExit(f"benchmarks.inheritance: {error}") from error
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(
        title=f"{options.task}: validation error of children after {', '.join(map(str, options.rounds))} steps"
    )
    table.add_column("changed, share of the donor's weights")
    table.add_column("errors")
    for way, found in result["errors"].items():
        table.add_row(way, str(found))
    Console().print(table)


def _shares(text: str) -> list[float]:
    found = [float(share) for share in text.split(",")]
    if not all(0 <= share <= 1 for share in found):
        raise ValueError(text)
    return found


if __name__ == "__main__":
    main()
