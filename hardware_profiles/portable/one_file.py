"""Join the modules of a program into one file, which runs where nasweave is not installed.

``bench.py`` is made so: the reading of an exported folder, the timing, and of every runtime the function that opens its
models, as the runtime declares it.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from hardware_profiles.portable.exported_folder import Opener
from hardware_profiles.runtime import RUNTIMES

__all__ = ["bench_program", "runtime_openers"]

_FIRST = ("search_space.errors", "search_space.schema", f"{__package__}.exported_folder")
_LAST = f"{__package__}.exported_bench"


def runtime_openers() -> dict[str, Opener]:
    """Return how the models of every runtime are opened that can open any, by its name."""
    return {
        name: Opener(
            package=runtime.package,
            needs=f"pip install numpy {runtime.package}",
            open_model=runtime.open_model,
            settings=runtime.setting_names,
            beside=runtime.beside,
            carries=runtime.carries,
        )
        for name, runtime in RUNTIMES.items()
        if runtime.open_model is not None
    }


def bench_program(openers: Mapping[str, Opener]) -> str:
    """Return the text of ``bench.py``, which an exported folder carries and nasweave itself runs on folders."""
    carried = [module for opener in openers.values() for module in opener.carries]
    modules = [*dict.fromkeys((*_FIRST, *carried)), _LAST]
    functions = dict.fromkeys(opener.open_model for opener in openers.values())
    entries = [f"    {name!r}: {_as_text(opener)},\n" for name, opener in openers.items()]
    end = (
        f'OPENERS = {{\n{"".join(entries)}}}\n\nif __name__ == "__main__":\n    sys.exit(main(sys.argv[1:], OPENERS))\n'
    )
    return f"{_joined(modules, [inspect.getsource(function) for function in functions])}\n\n{end}"


def _as_text(opener: Opener) -> str:
    return (
        f"Opener(package={opener.package!r}, needs={opener.needs!r}, open_model={opener.open_model.__name__}, "
        f"settings=frozenset({sorted(opener.settings)!r}), beside={dict(opener.beside)!r})"
    )


def _joined(modules: Sequence[str], functions: Sequence[str]) -> str:
    """Return the text of modules and functions as one, the last module's docstring first.

    Imports of one another fall away, so each stands after those that it imports, and no two may give one name.
    """
    texts = [_source(name) for name in modules]
    count = Counter(name for text in [*texts, *functions] for name in _names(text))
    twice = sorted(name for name, times in count.items() if times > 1)
    if twice:
        raise ValueError(f"{', '.join(twice)}: given by two of what becomes one file, so that the later would count")
    bodies = [_without_links(text, modules) for text in [*texts, *functions]]
    docstring = ast.get_docstring(ast.parse(texts[-1]), clean=False)
    return f'"""{docstring}"""\n\nfrom __future__ import annotations\n\n' + "\n\n".join(bodies)


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin).read_text(encoding="utf-8")


def _names(text: str) -> set[str]:
    """Return what a module gives names to, its imports and ``__all__`` apart."""
    found: set[str] = set()
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return found - {"__all__"}


def _without_links(text: str, modules: Sequence[str]) -> str:
    """Return a module without its docstring, ``__future__``, ``__all__`` and what it imports of the others."""
    lines, tree = text.splitlines(), ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())) if node is tree.body[0]:
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
