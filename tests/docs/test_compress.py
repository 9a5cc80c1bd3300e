"""The commands of docs/compress.md are whole, and what it says is the default is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from runs.app.arguments import parse_arguments
from runs.app.compose import completed, compose_words, hydra_words
from runs.app.config import from_hydra
from runs.app.verbs import VERBS

PAGE = Path(__file__).parents[2] / "docs" / "compress.md"
COMMANDS = re.findall(r"^nasweave (.+)$|`nasweave (run .+?)`", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [first or second for first, second in COMMANDS])
def test_every_command_composes(command):
    verb, *words = shlex.split(command)
    arguments = parse_arguments(words, verb=verb, own=VERBS[verb].words)
    config = from_hydra(compose_words(hydra_words(completed(arguments.overrides, verb=VERBS[verb]), config_dir=None)))
    assert config.init.format == "hf" and config.init.path == "DIR" and config.space["around"] == "checkpoint"
    if verb == "compress":
        own, training = config.search.fidelities, config.training
        assert config.limits.limits == {"latency_ms": 3.0} and config.task.options["trim_vocabulary"] is True
        assert (training.learning_rate, training.batch_size, own.optimizer) == (0.0005, 32, "adamw")
        untaught = config.task.name == "embedding"
        assert (own.rungs[0], own.rungs[-1], own.teacher_steps) == (50, 800, 0 if untaught else 300)
        assert (own.teacher_weight == 0) == untaught


def test_what_is_set_takes_the_place_of_what_a_verb_sets():
    words = ["DIR", "task=digits", "training.batch_size=8", "search.fidelities.optimizer=muon"]
    arguments = parse_arguments(words, verb="compress", own=VERBS["compress"].words)
    overrides = completed(arguments.overrides, verb=VERBS["compress"])
    keys = [override.key for override in overrides]
    assert len(keys) == len(set(keys)) and "task.options.trim_vocabulary" not in keys
    config = from_hydra(compose_words(hydra_words(overrides, config_dir=None)))
    assert config.training.batch_size == 8 and config.search.fidelities.optimizer == "muon"
