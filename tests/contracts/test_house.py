"""The rules of the house that a program can check: sizes of modules and folders, no circles, no service locator."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("nasweave", "runs", "predictors", "supernet", "hardware_profiles", "search_space", "hydra_conf")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
AROUND = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
MOST_LINES, MOST_MODULES = 300, 15
MEMBERS = {  # folders whose files are all of one kind, found by a registry or by Alembic
    "supernet/metrics",
    "supernet/mixers",
    "supernet/tasks",
    "runs/store/migrations/versions",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parameters(module: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every parameter of a module."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                yield node.lineno, argument.arg


def test_a_module_has_at_most_300_lines():
    lines = {name(module): len(module.read_text().splitlines()) for module in (*MODULES, *AROUND)}
    assert len(lines) > 400 and {module: n for module, n in lines.items() if n > MOST_LINES} == {}


def test_a_folder_has_at_most_15_modules():
    folders: dict[str, list[str]] = {}
    for module in MODULES:
        if module.name != "__init__.py":
            folders.setdefault(name(module.parent), []).append(module.stem)
    crowded = {folder: modules for folder, modules in folders.items() if len(modules) > MOST_MODULES}
    assert {folder: modules for folder, modules in crowded.items() if folder not in MEMBERS} == {}


def test_no_parameter_is_a_service_locator():
    found = [
        f"{name(module)}:{line}"
        for module in (*MODULES, *AROUND)
        for line, parameter in parameters(module)
        if parameter == "workspace"
    ]
    assert found == [], "take the values that the function needs"


def narrows_a_type(test: ast.expr) -> bool:
    """Whether a condition says ``x is not None`` or ``isinstance(x, ...)`` and no more."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(narrows_a_type, values))
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name(id="isinstance"))):
            return True
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
    return False


def test_no_check_stands_in_an_assert_which_an_optimising_python_skips():
    found = [
        f"{name(module)}:{node.lineno}"
        for module in MODULES
        if name(module) != "runs/search/testing.py"  # a suite of tests
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Assert) and not narrows_a_type(node.test)
    ]
    assert found == [], "raise an error; an assert may tell a type checker what is known, and no more"


# ------------------------------------------------------------------ imports


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def import_statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield every import of a tree, those inside of functions included, but for those for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not is_for_types(child):
            yield from import_statements(child)


def imported(source: str, known: Collection[str]) -> set[str]:
    """Return the modules, among the known ones, that a source text imports."""
    found = set()
    for node in import_statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return found & set(known)


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return modules that import each other in a ring, the first one again at the end; none for a graph without."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle():
    known = {module_name(module) for module in MODULES}
    graph = {}
    for module in MODULES:
        own = module_name(module)
        graph[own] = imported(module.read_text(), known) - {own}
    assert sum(map(len, graph.values())) > 1000, "the imports are not found"
    assert circle(graph) == []


def test_a_circle_is_found_wherever_its_import_stands():
    texts = {
        "a": "import b",
        "b": "def f():\n    from c import d",
        "c": "if TYPE_CHECKING:\n    import e",
        "c.d": "if x:\n    from a import y",
        "e": "import c",
    }
    ring = circle({module: imported(text, texts) for module, text in texts.items()})
    assert set(ring) == {"a", "b", "c.d"} and ring[0] == ring[-1]
