"""Templates of parts: from this process's memory, from the disk, or exported now; and the graphs made of them.

A template counts only once it is proven in this process, so neither a damaged or foreign file nor an operator that has
changed since makes a wrong graph. (The proof is by random inputs: against someone who means harm the folder's
permissions protect, as they do our own code.) What has no template is exported as a whole, which the log says.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import onnx

from hardware_profiles.example import Example
from hardware_profiles.onnx.cache import GraphCache, cache_folder
from hardware_profiles.onnx.compose import compose
from hardware_profiles.onnx.export import INPUT, OUTPUT, check_size, export_several
from hardware_profiles.onnx.parts import Composable, Part, Stateful
from hardware_profiles.onnx.template import (
    NotComposableError,
    Template,
    export_template,
    prove,
    with_random_weights,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = ["GraphLibrary", "graph_library"]

_log = logging.getLogger("nasweave.hardware_profiles")
_PACKAGES = ("torch", "onnx", "onnxscript", "onnx-ir", "numpy")


class GraphLibrary:
    """Templates by recipe.

    Parameters
    ----------
    kept
        Where they outlive the process.
    """

    def __init__(self, kept: GraphCache) -> None:
        self.kept = kept
        self._templates: dict[str, Template | NotComposableError] = {}

    def graph(self, module: nn.Module, example: Example) -> onnx.ModelProto:
        """Return the graph of a module in float: composed of its parts where that can be, exported otherwise.

        A module of several inputs is :class:`hardware_profiles.onnx.parts.Stateful`. Errors are those of
        :func:`hardware_profiles.onnx.export.export_onnx`.
        """
        parts = module.parts(example) if isinstance(module, Composable) else None
        if isinstance(example, Mapping):
            inputs, outputs = example, cast("Stateful", module).outputs
        else:
            inputs, outputs = {INPUT: example}, (OUTPUT,)
        if parts is not None:
            check_size(module)
            try:
                return self.composed(parts, outputs=outputs)
            except NotComposableError:
                pass
        return export_several(module, inputs, outputs=outputs)

    def composed(self, parts: Sequence[Part], *, outputs: Sequence[str]) -> onnx.ModelProto:
        """Return the graph of parts; raises ``NotComposableError`` where one has no template."""
        return compose(parts, [self.template(part) for part in parts], outputs=outputs)

    def missing(self, parts: Iterable[Part]) -> list[Part]:
        """Return those whose template is not at hand, one of each recipe."""
        found: dict[str, Part] = {}
        for part in parts:
            if part.recipe not in self._templates and part.recipe not in found and self._read(part) is None:
                found[part.recipe] = part
        return list(found.values())

    def template(self, part: Part) -> Template:
        """Return the template of a part, which is exported where there is none."""
        known = self._templates.get(part.recipe)
        if known is None:
            known = self._read(part) or self._made(part)
        if isinstance(known, NotComposableError):
            raise known
        return known

    def add(self, part: Part, content: bytes) -> None:
        """Take a template that another process has exported; one that does not hold is left out."""
        if self._accept(part, content) is not None:
            self.kept.put(_key(part), content)

    def _read(self, part: Part) -> Template | None:
        content = self.kept.get(_key(part))
        return None if content is None else self._accept(part, content)

    def _accept(self, part: Part, content: bytes) -> Template | None:
        try:
            template = Template.from_bytes(content)
            _prove(template, part)
        except (ValueError, NotComposableError) as error:
            _log.info("a graph of %s that was kept is made anew: %s", part.name, error)
            return None
        self._templates[part.recipe] = template
        return template

    def _made(self, part: Part) -> Template | NotComposableError:
        try:
            template = export_template(part)
            _prove(template, part)
        except NotComposableError as error:
            _log.warning("%s; networks with it are exported as a whole, which takes seconds each", error)
            self._templates[part.recipe] = error
            return error
        self._templates[part.recipe] = template
        self.kept.put(_key(part), template.to_bytes())
        return template


def _prove(template: Template, part: Part) -> None:
    drawn = with_random_weights(part, seed=2)
    try:
        model = compose([drawn], [template], outputs=part.outputs)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a file's names, places and shapes
        raise NotComposableError(part, f"weights that do not fit: {error!r}") from error
    prove(drawn, model)


def _key(part: Part) -> str:
    return json.dumps({"recipe": json.loads(part.recipe), **_made_by()}, sort_keys=True, separators=(",", ":"))


@cache
def _made_by() -> dict[str, str]:
    """Return what else decides a graph: the packages, and our own code of exporting."""
    sources = hashlib.sha256()
    for name in ("export", "registry", "template", "translations"):
        sources.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return {**{name: importlib.metadata.version(name) for name in _PACKAGES}, "export": sources.hexdigest()[:16]}


@cache
def graph_library() -> GraphLibrary:
    """Return the library of this process."""
    return GraphLibrary(GraphCache(cache_folder()))
