"""Whether a front leaves better networks beside it: its members' neighbours, one gene apart, trained and judged alike.

``python -m benchmarks.local_optimality --task TASK`` lets our search spend a budget of processor seconds, then looks at
the neighbours of each network of the front that are no slower. The ``--most`` that the search's model expects most of
are trained: each begins with the weights of its front network and gets half of that one's steps, ``--steps`` at most.
A network is dominated when a neighbour's validation error is lower by more than a standard error of their difference,
for the best of many equal ones is lower by chance; the front network gets the same further steps before it is compared.
``--json`` prints one object: networks of the front, how many of them are dominated, how many neighbours were trained,
and the share of all processor seconds that this took.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.anytime_methods import Searched, nasweave
from benchmarks.anytime_setting import Curve, Setting, measure_one_search, open_setting
from runs.evaluation.rounds import RoundsEvaluator, inherited_start
from runs.objectives.pareto import non_dominated
from runs.search.fidelities.neighbours import one_gene_neighbours
from search_space import Genes
from supernet.training import Quality

__all__ = ["dominated", "measure"]


def dominated(network: Quality, neighbours: list[Quality]) -> bool:
    """Return whether a neighbour, none of them slower, is better by more than the standard error of the difference."""
    return any(network.error - other.error > np.hypot(network.error_se, other.error_se) for other in neighbours)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    torch.set_num_threads(1)
    setting = open_setting(options.task, options.override, data_root=options.data_root)
    with threadpool_limits(1), tempfile.TemporaryDirectory(prefix="local-") as scratch:
        curve = Curve(setting=setting, limit=options.budget)
        searched = nasweave(setting, curve, options.seed, Path(scratch))
        begin, spent = time.process_time(), curve.seconds
        genes, steps, errors = searched.search.trained
        on_front = non_dominated(np.column_stack([errors, setting.known(genes)]))
        rows, found, trained = genes[on_front], 0, 0
        for row, done in zip(rows, steps[on_front], strict=True):
            near = _promising(setting, searched, row, most=options.most)
            further = int(min(options.steps, max(done // 2, 1)))
            qualities = _judged(setting, searched, row, near, done=int(done), further=further)
            found += dominated(qualities[0], qualities[1:])
            trained += len(near)
        seconds = time.process_time() - begin
    return {
        "task": options.task,
        "budget_s": options.budget,
        "front": len(rows),
        "dominated": found,
        "evaluations": trained,
        "share_of_seconds": round(seconds / (seconds + spent), 3),
    }


def _promising(setting: Setting, searched: Searched, row: Genes, *, most: int) -> Genes:
    """Return the neighbours that are no slower, the lowest expected errors first."""
    near = one_gene_neighbours(setting.space, row[None])
    near = near[setting.known(near)[:, 0] <= setting.known(row[None])[0, 0]]
    best: Genes = near[np.argsort(searched.search.expected_errors(near), kind="stable")[:most]]
    return best


def _judged(setting: Setting, searched: Searched, row: Genes, near: Genes, *, done: int, further: int) -> list[Quality]:
    """Return the quality of a front network and of its neighbours, all after the same further steps."""
    rounds = searched.rounds
    network, *neighbours = setting.space.decode(np.concatenate([row[None], near]))
    beside = RoundsEvaluator(
        setting.space,
        setting.data,
        rounds.config,
        optimizer=rounds.optimizer,
        folder=rounds.folder.parent / "beside" / network.key,
        start=inherited_start(rounds.start, rounds.network(network)),
        origin=f"{network.key} after {done}",
    )
    qualities = [beside.train(other, steps=further) for other in neighbours]
    return [rounds.train(network, steps=done + further), *qualities]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_optimality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--most", type=int, default=8, help="neighbours of each front network that are trained")
    parser.add_argument("--steps", type=int, default=200, help="that front network and neighbours get at most")
    result = measure_one_search(parser, measure)
    if result is None:
        return
    table = Table(title=f"{result['task']}: is a network of the front dominated by one a gene apart?")
    for name in result:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*map(str, result.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
