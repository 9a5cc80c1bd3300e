"""``python -m runs.service.runner key=value ...``: a runner without the command line around it."""

from __future__ import annotations

import sys

from runs.service.runner.loop import run
from runs.service.settings import RunnerSettings, read_words
from runs.store.secrets import redacted
from search_space.errors import NasweaveError


def main() -> None:
    """Run a runner."""
    try:
        run(read_words(RunnerSettings, sys.argv[1:]))
    except NasweaveError as error:
        print(f"nasweave: {redacted(str(error))}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
