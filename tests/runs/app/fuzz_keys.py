"""Every key of the configuration with hostile values: composed and checked, nothing is read, trained or written.

``python -m tests.runs.app.fuzz_keys [KEY ...]`` tries all of them in minutes, or those that begin so, and prints what
is no refusal in one line: a traceback, or a line that cannot be printed. Tests try a share.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from runs.app.arguments import Override
from runs.app.compose import compose_words, refusal
from runs.app.config import built, from_hydra
from runs.app.groups import groups
from runs.app.schema.keys import hydra_word
from runs.app.schema.renamed import current_keys
from runs.app.schema.typed import defaults, hints_by_key
from runs.pipeline.config import Config
from search_space import space_from_mapping
from search_space.errors import NasweaveError
from supernet import catalogue
from supernet.tasks import TASKS

__all__ = ["NUMBERS", "TEXTS", "Fuzz", "keys", "pairs"]

NUMBERS = (
    "0", "-1", "-0.0", "1e999", "-inf", "nan", ".nan", "1e300", "1e-300", "0x7fffffffffffffff", "9223372036854775807",
    "-9223372036854775809", "1" + "0" * 30, "9" * 5000, "1_000", "0b11", "1e400s", "5m", "99999999999h", "true", "null",
)  # fmt: skip
TEXTS = (
    "", " ", "a\0b", "\0", "a\nb", "\x1b[31m", "\ud800", "é" * 300, "x" * 10_000, "[/bold]", "[red]", "données.csv",
    "data (1).csv", "x#1.csv", "run=3.csv", "l'ete.csv", "~/d.csv", "~nosuchuser/x", "../../x", "/dev/zero", "**",
    "a,b", "[", "]", "[]", "[[[]]]", "{", "{}", "{a:1}", "{a:{b:[1,{}]}}", "'", '"', "'a", "\\", "a\\'", "$", "${",
    "${name}", "${oc.env:HOME}", "${nothing}", "${oc.decode:x}", "{_target_:os.system}", "choice(1,2)", "range(1,5)",
    "interval(0,1)", "glob(*)", "sort(1,2)", "tag(a,1)", "int(x)", "!!python/object:x", "? :", "- a", "a: b", "&a",
    "*a", "%", "@", "`", "|", "[a,[b]]", "[1,null]", "[1e300]", "[-1]", "[99999999999999999999]", "{1:2}", "🧠",
)  # fmt: skip
_MORE = ("budget.latency_ms", "budget.nothing", "devices.phone", "devices.p/h", "search.settings.batch", "space.name",
         "space.embed_dim", "space.depth", "space.head_dim", "space.mixer", "space.num_heads", "space.ratio",
         "space.channel_mixer", "space.precision", "space.float_precision", "space.options", "space.options.softmax.x",
         "space.largest", "space.norm", "space.norm.eps", "space.stem", "space.nothing", "task.options.patch_size",
         "task.options.nothing", "nothing", "search.n_trails", "a.b.c", "hydra.launcher.x",
         "hydra.run.dir")  # fmt: skip
_PARSER = OverridesParser.create()


def keys() -> list[str]:
    """Return every key, also below groups of free names, every group, and some that are none."""
    known = [key for key, _ in hints_by_key(Config)]
    parents = {key.rpartition(".")[0] for key in known} - {""}
    return sorted({*known, *parents, *groups(), *_MORE})


def pairs() -> Iterator[tuple[str, str]]:
    """Give every key with every value."""
    for key in keys():
        for value in (*NUMBERS, *TEXTS):
            yield key, value


class Fuzz:
    """Composes and checks a configuration that differs from the default in one key."""

    def __init__(self) -> None:
        composed: Any = OmegaConf.to_container(compose_words([]))
        self.data = {str(key): value for key, value in composed.items() if key != "hydra"}
        self.whole = OmegaConf.to_container(from_hydra_mapping(self.data), resolve=True)
        self.groups = groups()
        self.shape = TASKS["digits"].load().shape

    def failure(self, key: str, value: str) -> str | None:
        """Return what is wrong with how a key and a value are answered; ``None`` for a legal one or a clear refusal."""
        try:
            config = self._built(key, value)
            if key.startswith("space"):
                space_from_mapping(config.space, task=self.shape, catalogue=catalogue())
        except NasweaveError as error:
            return None if _is_clear(str(error)) else _told(error)
        except Exception as error:  # a traceback to a user
            return _told(error)
        return None

    def _built(self, key: str, value: str) -> Config:
        word = hydra_word(Override(key=key, value=value), multirun=False, groups=self.groups)
        if key in self.groups or key.startswith("hydra"):
            return from_hydra(compose_words([word]))
        try:
            override = _PARSER.parse_override(word)
            given = override.value()
            if "$" in value or override.is_sweep_override():
                return from_hydra(compose_words([word]))
        except (HydraException, ValueError) as error:
            raise refusal(error) from error
        return built(current_keys(_with(self.whole, override.key_or_group.split("."), given)))


def from_hydra_mapping(data: Mapping[str, Any]) -> DictConfig:
    """Return a configuration with the defaults that classes declare."""
    merged = OmegaConf.merge(OmegaConf.create(defaults(Config)), OmegaConf.create(dict(data)))
    assert isinstance(merged, DictConfig)
    return merged


def _with(data: Any, path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return nested mappings with one value replaced, or a mapping merged, as Hydra does in thirty times as long."""
    first, *rest = path
    inner = dict(data) if isinstance(data, Mapping) else {}
    old = inner.get(first)
    if rest:
        inner[first] = _with(old, rest, value)
    elif isinstance(value, Mapping) and isinstance(old, Mapping):
        inner[first] = {**old, **value}
    else:
        inner[first] = value
    return inner


def _is_clear(text: str) -> bool:
    """Whether a message names what was expected, is not endless, and can be printed as one line."""
    line = " ".join(text.split())
    return "expected" in line and len(line) < 3000 and "\0" not in line and line.encode(errors="replace") != b""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def main() -> int:
    """Try all pairs, print the failures, and return how many there are."""
    warnings.simplefilter("ignore")
    fuzz, failures, tried = Fuzz(), 0, 0
    only, begin = sys.argv[1:], time.monotonic()
    for key, value in pairs():
        if only and not any(key.startswith(name) for name in only):
            continue
        wrong, tried = fuzz.failure(key, value), tried + 1
        if wrong is not None:
            failures += 1
            print(f"{key}={value[:60]!r}: {wrong}", flush=True)
    print(f"{tried} pairs of key and value, {failures} failures, {time.monotonic() - begin:.0f} s")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
