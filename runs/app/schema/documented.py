"""The keys whose defaults stand in dataclasses, with what their docstrings say of them.

They are read from the sources, for importing these classes takes seconds, and a help shall not.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from runs.app.schema.literals import literal

__all__ = ["declared_keys"]

_ROOT = Path(__file__).parents[3]
_PARAMETERS = re.compile(r"Parameters\n-+\n(.*?)(?=\n\n|\n\w+\n-+\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^(\w+(?:, \w+)*)\n((?:    .*(?:\n|\Z))+)", re.MULTILINE)


def declared_keys(
    name: str = "Config", *, module: str = "runs.pipeline.config", prefix: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Give every key that has its default in a dataclass: the dotted key, the default, and what it means."""
    found = _class(name, module)
    assert found is not None, f"{module} has or imports {name}"
    declaration, module = found
    meanings = _meanings(ast.get_docstring(declaration) or "")
    for field in declaration.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        key, kind = f"{prefix}{field.target.id}", field.annotation
        if isinstance(kind, ast.Name) and _class(kind.id, module) is not None:
            yield from declared_keys(kind.id, module=module, prefix=f"{key}.")
        elif field.value is not None and not isinstance(field.value, ast.Call):
            yield key, literal(ast.literal_eval(field.value)).strip("'"), meanings.get(field.target.id, "")


def _class(name: str, module: str) -> tuple[ast.ClassDef, str] | None:
    """Return the class that a name means in a module of ours, and the module that defines it."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node, module
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return _class(name, node.module)
    return None


@cache
def _tree(module: str) -> ast.Module:
    """Return the source of a module as a tree, which is empty for those that are not ours."""
    path = _ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return ast.Module(body=[], type_ignores=[])


def _meanings(docstring: str) -> dict[str, str]:
    """Return the descriptions of the parameters in a numpydoc docstring."""
    section = _PARAMETERS.search(docstring)
    found = {}
    for names, text in _ENTRY.findall(section[1] if section else ""):
        described = " ".join(textwrap.dedent(text).split())
        found.update(dict.fromkeys(names.split(", "), described))
    return found
