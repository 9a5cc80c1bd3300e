"""The options of every task as tables, from their declarations: a part of the page ``docs/data.md``."""

from __future__ import annotations

from collections.abc import Mapping

from search_space.errors import ConfigError
from supernet.tasks import TASKS, Option

__all__ = ["options_markdown", "with_options"]

_BEGIN = "<!-- written by: python -m supernet.catalogue --options docs/data.md -->"
_END = "<!-- end of what is written -->"


def options_markdown() -> str:
    """Return a heading and a table for each task."""
    return "\n".join(f"### {name}\n\n{_table(task.options)}\n" for name, task in TASKS.items())


def with_options(page: str) -> str:
    """Return a page with the tables between its two marks; raises ``ConfigError`` where it has none."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ConfigError("page", expected=f"the marks {_BEGIN} and {_END}", got="a page without", remedy="add them")
    return f"{before}{_BEGIN}\n\n{options_markdown()}\n{_END}{after}"


def _table(options: Mapping[str, Option]) -> str:
    head = ["| `task.options.` | default | values | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *(_line(name, option) for name, option in options.items())])


def _line(name: str, option: Option) -> str:
    default = str(option.default).lower() if isinstance(option.default, bool) else str(option.default)
    values = f"{option.range}: {option.why}" if option.why else option.range
    cells = (f"`{name}`", f"`{default}`" if default else "", values, option.meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
