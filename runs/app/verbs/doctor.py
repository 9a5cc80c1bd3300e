"""What this machine can do, ready to be pasted into a bug report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from runs.app.verb import JSON_FLAG, Verb, Word

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Show what this machine can do."""
    from runs.app.doctor import facts_text, machine_facts

    config = invocation.config
    facts = machine_facts(data_root=Path(config.data_root), threads=config.hardware.threads)
    if config.doctor.json:
        print(json.dumps(facts, indent=2))
    else:
        print(facts_text(facts, width=shutil.get_terminal_size((80, 24)).columns))


VERB = Verb(
    help="Show what this machine can do",
    run=run,
    words=(Word(name="json", key="doctor.json", help=JSON_FLAG, flag=True),),
    only_reads=lambda config: True,
)
