"""``python -m supernet.catalogue``: every mixer and channel mixer there is, or every option of every task."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from supernet.catalogue.listing import catalogue_json, catalogue_markdown
from supernet.catalogue.task_options import with_options


def main(arguments: list[str] | None = None) -> None:
    """Print the catalogue."""
    parser = argparse.ArgumentParser(prog="python -m supernet.catalogue", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one object a mixer: options, phases, costs")
    form.add_argument("--markdown", action="store_true", help="the page docs/catalogue.md (the default)")
    form.add_argument("--options", type=Path, metavar="PAGE", help="write the tasks' options into docs/data.md")
    chosen = parser.parse_args(arguments)
    if chosen.options is not None:
        chosen.options.write_text(with_options(chosen.options.read_text(encoding="utf-8")), encoding="utf-8")
        return
    print(json.dumps(catalogue_json(), indent=2) + "\n" if chosen.json else catalogue_markdown(), end="")


if __name__ == "__main__":
    main()
