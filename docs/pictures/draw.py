"""Draw the pictures of docs/architecture.md from the code: ``python docs/pictures/draw.py``.

The layers are those that ``import-linter`` checks (``pyproject.toml``); the stages and their order are those that
``runs/pipeline/stages`` declares; what a module does is the first line of its docstring. A test fails when a picture is
stale. Nothing of the project is imported.
"""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WIDTH, ROW, GAP = 880, 34, 8
FILLS = ("#eef3fb", "#dbe7f8", "#ffffff")
STYLE = "font-family='Helvetica, Arial, sans-serif' font-size='13'"

# The stations of a network in a run: what happens to it, in which stage, and where the code of it is.
LIFE = (
    ("bought", "SEARCH", "runs/search/fidelities/search.py"),
    ("given a donor", "SEARCH", "runs/search/fidelities/affinity.py"),
    ("trained and evaluated", "SEARCH", "runs/evaluation/rounds.py"),
    ("recorded", "SEARCH", "runs/pipeline/trained_records.py"),
    ("bought more steps", "SEARCH", "runs/search/fidelities/curves.py"),
    ("on the front", "FINALISTS", "runs/objectives/pareto.py"),
    ("measured and tested", "FINALISTS", "runs/pipeline/stages/finalists.py"),
    ("shown", "REPORT", "runs/reports/write.py"),
    ("trained further, if asked", "FINETUNE", "runs/pipeline/stages/trained/further.py"),
    ("exported", "EXPORT", "runs/pipeline/stages/export.py"),
)


def box(x: float, y: float, width: float, text: str, *, height: float = ROW, fill: str = FILLS[2]) -> str:
    """Return a box with its text in the middle of its first row."""
    return (
        f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='5' fill='{fill}' stroke='#5b7aa8'/>"
        f"<text x='{x + width / 2:g}' y='{y + 21:g}' text-anchor='middle'>{escape(text)}</text>"
    )


def words(x: float, y: float, text: str, *, fill: str = "#333333") -> str:
    """Return a line of text that begins at a point."""
    return f"<text x='{x:g}' y='{y:g}' fill='{fill}'>{escape(text)}</text>"


def page(height: float, shapes: list[str]) -> str:
    """Return an SVG of the common width."""
    size = f"width='{WIDTH}' height='{height:g}' viewBox='0 0 {WIDTH} {height:g}'"
    ground = f"<rect width='{WIDTH}' height='{height:g}' fill='#ffffff'/>"
    return "\n".join([f"<svg xmlns='http://www.w3.org/2000/svg' {size} {STYLE}>", ground, *shapes, "</svg>", ""])


def layers() -> dict[str, list[list[str]]]:
    """Return the layers that import-linter checks, from the top: of the packages (``""``), and of the rooms in one."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found: dict[str, list[list[str]]] = {}
    for contract in contracts:
        if contract["type"] == "layers":
            for container in contract.get("containers", [""]):
                found[container] = [
                    re.split(r" *[|:] *", layer.replace("(", "").replace(")", "")) for layer in contract["layers"]
                ]
    return found


def draw_layers() -> str:
    """Return the packages, and within them their rooms: each may import what stands below it."""
    every = layers()

    def height(name: str) -> float:
        return ROW + sum(max(height(f"{name}.{room}".lstrip(".")) for room in row) + GAP for row in every.get(name, []))

    def draw(name: str, x: float, y: float, width: float, depth: int) -> Iterator[str]:
        for row in every.get(name, []):
            each = (width - GAP * (len(row) - 1)) / len(row)
            tallest = max(height(f"{name}.{room}".lstrip(".")) for room in row)
            for i, room in enumerate(row):
                left, path = x + i * (each + GAP), f"{name}.{room}".lstrip(".")
                yield box(left, y, each, room, height=tallest, fill=FILLS[depth % 3])
                yield from draw(path, left + GAP, y + ROW, each - 2 * GAP, depth + 1)
            y += tallest + GAP

    return page(height("") - ROW + GAP, list(draw("", GAP, GAP, WIDTH - 2 * GAP, 0)))


def name_of(node: ast.expr, module: Path) -> str:
    """Return a stage's name, which is a text or a constant of a text."""
    if not isinstance(node, ast.Name):
        return str(ast.literal_eval(node))
    for path in (module, ROOT / "runs/store/records.py"):
        for other in ast.parse(path.read_text()).body:
            named = isinstance(other, ast.Assign) and getattr(other.targets[0], "id", "") == node.id
            if named and isinstance(other, ast.Assign):
                return str(ast.literal_eval(other.value))
    raise ValueError(f"{module}: no text for {node.id}")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Return every declared stage by its constant: its name, and the stages that come before it in a plan's order."""
    found = {}
    for module in sorted((ROOT / "runs/pipeline/stages").rglob("*.py")):
        for node in ast.parse(module.read_text()).body:
            target = (
                node.target
                if isinstance(node, ast.AnnAssign)
                else node.targets[0]
                if isinstance(node, ast.Assign)
                else None
            )
            call = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Stage":
                given = {keyword.arg: keyword.value for keyword in call.keywords}
                before = [
                    e.id
                    for key in ("after", "needs")
                    for e in getattr(given.get(key), "elts", [])
                    if isinstance(e, ast.Name)
                ]
                found[target.id] = (name_of(given["name"], module), before)
    return found


def by_default(declared: Mapping[str, tuple[str, list[str]]]) -> dict[str, tuple[str, list[str]]]:
    """Return the stages as the default way of searching replaces them, which ``runs/pipeline/plans.py`` says."""
    for node in ast.parse((ROOT / "runs/pipeline/plans.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {**declared, **{ast.unparse(old): declared[ast.unparse(new)] for old, new in pairs if old}}
    raise AssertionError("plans.py holds no table of stages")


def order(of: tuple[str, ...], declared: Mapping[str, tuple[str, list[str]]]) -> list[str]:
    """Return the names of all stages that some need, in the order in which a plan does them."""
    done: list[str] = []

    def do(stage: str) -> None:
        if stage in declared and declared[stage][0] not in done:
            for before in declared[stage][1]:
                do(before)
            done.append(declared[stage][0])

    for stage in of:
        do(stage)
    return done


def first_line(module: str) -> str:
    """Return what a module says that it is."""
    return (ast.get_docstring(ast.parse((ROOT / module).read_text())) or "").split("\n")[0].replace("``", "")


def draw_candidate() -> str:
    """Return the stages of a run in their order, and the stations of one network in them."""
    declared = by_default(stages())
    shapes, x, y = [words(GAP, 20, "nasweave run does, in this order:")], float(GAP), 30.0
    for name in order(("REPORT", "EXPORT"), declared):
        width = 8.0 * len(name) + 20
        if x + width > WIDTH - GAP:
            x, y = float(GAP), y + ROW + GAP
        shapes.append(box(x, y, width, name, fill=FILLS[1]))
        x += width + GAP
    y += ROW + 24
    shapes.append(words(GAP, y, "A network on its way:"))
    y += 12
    for number, (what, stage, module) in enumerate(LIFE, 1):
        shapes += [
            box(GAP, y, 90, declared[stage][0], fill=FILLS[1]),
            box(GAP + 98, y, 190, f"{number}. {what}", fill=FILLS[0]),
            words(GAP + 300, y + 12, module, fill="#1f4e9c"),
        ]
        lines = textwrap.wrap(first_line(module), 76)
        shapes += [words(GAP + 300, y + 28 + 16 * i, line) for i, line in enumerate(lines)]
        y += max(ROW, 20 + 16 * len(lines)) + GAP
    return page(y + GAP, shapes)


PICTURES = {"layers.svg": draw_layers, "candidate.svg": draw_candidate}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (HERE / name).write_text(draw())
