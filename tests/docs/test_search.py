"""The commands of docs/search_settings.md run, in their order and on a tiny space."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.runs.devices import other_device
from tests.runs.tiny import TINY, begin_from, nasweave

PAGE = Path(__file__).parents[2] / "docs" / "search_settings.md"
BLOCK = re.compile(r"<!-- run by CI -->\n```bash\n(.*?)```", re.DOTALL)
LESS = ("baselines.random=0", "baselines.uniform=0", "finalists=1")
FEW_ROUNDS = tuple(f"search.fidelities.{word}" for word in ("rungs=[4,8]", "initial=4", "max_rounds=6", "processes=1"))


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in BLOCK.findall(PAGE.read_text()) for line in block.strip().splitlines()]


def shortened(command: list[str]) -> list[str]:
    """Return a command on a tiny space, with a twentieth of its trials or with a few rounds."""
    verb, own = command[1], [re.sub(r"n_trials=(\d+)", lambda m: f"n_trials={int(m[1]) // 20}", a) for a in command[2:]]
    if any(a.startswith("compare=") for a in own):
        return [verb, *own]
    if "search=fidelities" in own:
        return [verb, *(a for a in TINY if not a.startswith("search")), *LESS, *own, *FEW_ROUNDS]
    return [verb, *TINY, *LESS, *own]


def test_every_command_runs(tiny_run, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    begin_from(tiny_run, tmp_path / "outputs")
    assert len(commands()) == len(re.findall(r"^nasweave ", PAGE.read_text(), re.MULTILINE)) >= 10
    for command in commands():
        assert command[0] == "nasweave"
        if any("phone.json" in a for a in command) and not Path("phone.json").exists():
            other_device(Path("outputs/digits/small/profile.json"), Path("phone.json"))
        assert nasweave(monkeypatch, *shortened(command)) == 0, (command, capfd.readouterr().err[-2000:])
    assert Path("outputs/digits/comparisons/mine+mine_small+by_tpe/index.html").exists()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", PAGE.read_text()))
def test_links_lead_somewhere(link) -> None:
    assert (PAGE.parent / link).exists(), link
