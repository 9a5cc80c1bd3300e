"""Join the modules of a program into one file, which runs where nasweave is not installed."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Sequence
from pathlib import Path

__all__ = ["bench_program", "joined"]

_BENCH = ("exported_folder", "pt2_archive", "exported_bench")


def bench_program() -> str:
    """Return the text of ``bench.py``, which an exported folder carries and nasweave itself runs on folders."""
    return joined([f"{__package__}.{name}" for name in _BENCH])


def joined(modules: Sequence[str]) -> str:
    """Return the text of modules as one, the last one's docstring first.

    Imports of one another fall away, so their names are distinct and each stands after those that it imports.
    """
    texts = [_source(name) for name in modules]
    bodies = [_without_links(text, modules) for text in texts]
    docstring = ast.get_docstring(ast.parse(texts[-1]), clean=False)
    return f'"""{docstring}"""\n\nfrom __future__ import annotations\n\n' + "\n\n".join(bodies)


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin).read_text(encoding="utf-8")


def _without_links(text: str, modules: Sequence[str]) -> str:
    """Return a module without its docstring, ``__future__``, ``__all__`` and what it imports of the others."""
    lines = text.splitlines()
    for position, node in enumerate(ast.parse(text).body):
        match node:
            case ast.Expr(value=ast.Constant(value=str())) if position == 0:
                pass
            case ast.ImportFrom(module=name) if name == "__future__" or name in modules:
                pass
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                pass
            case _:
                continue
        assert node.end_lineno is not None
        lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines).strip() + "\n"
