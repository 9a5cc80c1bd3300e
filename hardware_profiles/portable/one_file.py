"""Join the modules of a program into one file, which runs where nasweave is not installed.

``bench.py`` is made so: the reading of an exported folder, the timing, and of every runtime the function that opens its
models, as the runtime declares it.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardware_profiles.runtime import RUNTIMES, OpenModel

__all__ = ["Opener", "bench_program", "joined", "runtime_openers"]

_FIRST, _LAST = "exported_folder", "exported_bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opener:
    """What a program for other machines knows of one way to run models.

    Parameters
    ----------
    package
        What has to be importable.
    needs
        What a user is told to install where it is not.
    open_model
        A function whose source is copied.
    carries
        The modules of nasweave that the function imports and that are copied too.
    """

    package: str
    needs: str
    open_model: OpenModel
    carries: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function."""
        name: str = self.open_model.__name__  # type: ignore[attr-defined]
        return name


def runtime_openers() -> dict[str, Opener]:
    """Return how the models of every runtime are opened that can open any, by its name."""
    return {
        name: Opener(
            package=runtime.package,
            needs=f"pip install numpy {runtime.package}",
            open_model=runtime.open_model,
            carries=runtime.carries,
        )
        for name, runtime in RUNTIMES.items()
        if runtime.open_model is not None
    }


def bench_program(openers: Mapping[str, Opener]) -> str:
    """Return the text of ``bench.py``, which an exported folder carries and nasweave itself runs on folders."""
    carried = [module for opener in openers.values() for module in opener.carries]
    modules = [f"{__package__}.{_FIRST}", *dict.fromkeys(carried), f"{__package__}.{_LAST}"]
    functions = {opener.name: inspect.getsource(opener.open_model) for opener in openers.values()}
    entries = [f"    {name!r}: ({o.package!r}, {o.needs!r}, {o.name}),\n" for name, o in openers.items()]
    parts = [joined(modules), *(_without_links(text, modules) for text in functions.values())]
    end = (
        f'OPENERS = {{\n{"".join(entries)}}}\n\nif __name__ == "__main__":\n    sys.exit(main(sys.argv[1:], OPENERS))\n'
    )
    return "\n\n".join([*parts, end])


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
