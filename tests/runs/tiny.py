"""A whole run in seconds: a space of a few blocks on the digits, and the command line in this process."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from runs.app.cli import main

TINY = (
    "search=nasweave",
    "space.embed_dim=[16,24]",
    "space.depth=[1,2]",
    "space.head_dim=8",
    "space.mixer=[softmax,pooling,identity]",
    "space.num_heads=[1,2]",
    "space.channel_mixer=[mlp]",
    "space.ratio=[1,2]",
    "space.precision=[float,w8a8]",
    "space.options={}",
    "training.steps=40",
    "training.batch_size=32",
    "training.warmup_steps=4",
    "training.checkpoint_every=5",
    "profile.time_budget=null",
    "profile.networks=4",
    "profile.max_seconds=0.03",
    "search.n_trials=16",
    "baselines.random=6",
    "baselines.uniform=4",
    "finalists=4",
    "export.measure=false",
)


def nasweave(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["nasweave", *arguments])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def begin_from(run: Path, outputs: Path) -> None:
    """Give a new folder of outputs what runs share: the profile and the supernet of a finished run."""
    for shared in ("profiles", "digits/supernets"):
        shutil.copytree(run / "outputs" / shared, outputs / shared)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what a query finds in the database of a run's folder."""
    with sqlite3.connect(folder / "outputs" / "nasweave.db") as database:
        return database.execute(query).fetchall()
