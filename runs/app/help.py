"""The help, generated from what verbs, groups and configuration declare."""

from __future__ import annotations

import dataclasses
import re
import shutil
import textwrap
from collections.abc import Sequence
from importlib.resources import files

from runs.app.groups import groups
from runs.app.verb import Verb
from runs.app.verbs import VERBS

__all__ = ["general_help", "settings_help", "verb_help"]

_FLAGS = (
    ("-m, --multirun", "run every combination of key=a,b"),
    ("--cfg job", "print the whole configuration and stop"),
    ("-cd, --config-dir DIR", "take options of your own from DIR, such as DIR/space/mine.yaml"),
    ("-h, --help", "print this"),
)


def general_help() -> str:
    """Return what ``nasweave --help`` prints."""
    return "\n".join(
        (
            "usage: nasweave VERB [key=value ...]",
            "",
            "From a data set, a device and a budget to a measured, exported transformer.",
            "",
            "verbs:",
            *_entries([(name, verb.help) for name, verb in VERBS.items()]),
            "",
            *_wrapped(
                "Each verb first does what it needs and what is not done yet; the same command continues where it "
                "stopped. nasweave VERB --help shows its words and every configuration key, nasweave VERB --cfg job "
                "the whole configuration."
            ),
        )
    )


def verb_help(name: str, verb: Verb) -> str:
    """Return what ``nasweave VERB --help`` prints: its own words, the flags, the groups and the keys."""
    bare = "".join(f" [{word.name.upper()}]" for word in verb.words if word.positional)
    own = [(f"--{word.name}" if word.flag else f"{word.name}=", f"{word.help} ({word.key})") for word in verb.words]
    processes = ["", "torchrun may start it in several processes."] if verb.several_processes else []
    return "\n".join(
        (
            f"usage: nasweave {name}{bare} [key=value ...]",
            "",
            *_wrapped(f"{verb.help}."),
            *processes,
            *(["", "words:", *_entries(own)] if own else []),
            "",
            "flags:",
            *_entries(_FLAGS),
            "",
            "groups, chosen with group=option:",
            *_entries([(group, ", ".join(options)) for group, options in groups().items()]),
            "",
            "keys, set with key=value, and their defaults:",
            textwrap.indent(_keys(), "  "),
        )
    )


def settings_help(name: str, verb: Verb) -> str:
    """Return what ``nasweave VERB --help`` prints for a verb that reads no configuration."""
    assert verb.settings is not None
    fields = [
        (f"{field.name}={str(field.default).lower() if isinstance(field.default, bool) else field.default}", field)
        for field in dataclasses.fields(verb.settings)
    ]
    return "\n".join(
        (
            f"usage: nasweave {name} [key=value ...]",
            "",
            *_wrapped(f"{verb.help}."),
            "",
            "keys, set with key=value, and their defaults:",
            *_entries([(shown, field.metadata["help"]) for shown, field in fields]),
        )
    )


def _keys() -> str:
    """Return the keys of ``config.yaml`` and of the chosen options, with their comments, then what classes declare."""
    from runs.app.schema.documented import declared_keys

    folder = files("hydra_conf")
    text = (folder / "config.yaml").read_text()
    parts = [text[text.index("\nname:") + 1 : text.index("\nhydra:")].strip()]
    for group, option in re.findall(r"^  - (\w+): (\w+)", text, re.MULTILINE):
        keys = [line for line in (folder / group / f"{option}.yaml").read_text().splitlines() if line != "{}"]
        parts.append("\n".join([f"{group}: {option}", *(f"  {line}" for line in keys)]))
    declared = [(f"{key}={shown}", text) for key, shown, text in declared_keys()]
    return "\n\n".join([*parts, "\n".join(_entries(declared))])


def _entries(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = min(max(len(name) for name, _ in rows), 26)
    lines = []
    for name, text in rows:
        lines += _wrapped(text, first=f"  {name:{width}}  ", rest=" " * (width + 4))
    return lines


def _wrapped(text: str, *, first: str = "", rest: str = "") -> list[str]:
    columns = shutil.get_terminal_size((80, 24)).columns
    return textwrap.wrap(text, max(columns, 40), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
