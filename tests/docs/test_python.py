"""The program of docs/python.md runs, block after block, on a tiny space."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import nasweave as nw
from tests.api.test_whole_run import TINY

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_block_runs(fresh_logging, tmp_path, monkeypatch, capfd):
    create = nw.create_run

    def on_a_tiny_space(*arguments: Any, **options: Any) -> nw.Run:
        return create(*arguments, **{**options, "overrides": {**options.get("overrides", {}), **TINY}})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nw, "create_run", on_a_tiny_space)
    assert len(BLOCKS) == 7
    names: dict[str, Any] = {}
    for block in BLOCKS:
        shorter = re.sub(r"steps=\d+", "steps=4", block)
        exec(compile(shorter, PAGE.name, "exec"), names)
    printed = capfd.readouterr()
    assert "search.n_trails" in printed.out
    assert all(line.startswith("[I ") for line in printed.err.splitlines()), "only Optuna tells of its own study"
    assert (tmp_path / "outputs" / "digits" / "mine" / "exports").exists()
    assert names["exported"].key in names["found"].index


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", PAGE.read_text()))
def test_links_lead_somewhere(link) -> None:
    assert (PAGE.parent / link).exists(), link
