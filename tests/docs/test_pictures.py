"""The pictures of the architecture are those that the code draws now."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
DRAWN = runpy.run_path(str(PICTURES / "draw.py"))


@pytest.mark.parametrize("name", DRAWN["PICTURES"])
def test_the_picture_is_fresh(name):
    assert (PICTURES / name).read_text() == DRAWN["PICTURES"][name](), "run: python docs/pictures/draw.py"


def test_stages_come_after_what_they_need():
    declared = {"A": ("a", ["B", "C"]), "B": ("b", ["C"]), "C": ("c", []), "D": ("d", ["A"])}
    assert DRAWN["order"](("A", "D"), declared) == ["c", "b", "a", "d"]
    drawn = DRAWN["order"](("REPORT", "EXPORT"), DRAWN["stages"]())
    assert drawn[-1] == "export" and drawn.index("train") < drawn.index("search") < drawn.index("finalists")


def test_by_default_no_supernet_is_trained():
    drawn = DRAWN["order"](("REPORT", "EXPORT"), DRAWN["by_default"](DRAWN["stages"]()))
    assert "train" not in drawn and drawn[-1] == "export"
    assert drawn.index("rounds") < drawn.index("search") < drawn.index("baselines") < drawn.index("finalists")
