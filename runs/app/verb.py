"""What a verb of the command line declares: its help, its own words and how it treats the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runs.app.invocation import Invocation
    from runs.pipeline.config import Config

__all__ = ["CHECKPOINT_WORDS", "JSON_FLAG", "Verb", "Word"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word that a verb understands in place of a configuration key.

    Parameters
    ----------
    name
        What the user types: ``name=value``, ``--name`` for a flag, the bare value for a positional word.
    key
        The configuration key that it sets.
    help
        One line on what it means.
    flag
        Whether it is ``--name``, which sets ``key=true``.
    positional
        Whether its value may stand without ``name=``; several take the bare words in their order.
    """

    name: str
    key: str
    help: str
    flag: bool = False
    positional: bool = False


def _never(config: Config) -> bool:
    return False


def _none(given: Mapping[str, str | None]) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verb:
    """One verb; its name is that of its file.

    Parameters
    ----------
    help
        One line, as ``nasweave --help`` shows it.
    run
        Does the work on a run. Imports what is heavy itself, so that the help stays fast.
    words
        The verb's own words, beside all configuration keys.
    only_reads
        Whether, under a configuration, the verb leaves the folder of the run as it is.
    defaults
        Gives, from the keys that a user sets, those that the verb sets where the user does not.
    joins
        Whether it takes part in the run of another command: it leaves no record of its own in the folder, and all jobs
        of a multirun use that one folder.
    several_processes
        Whether torchrun may start it.
    settings, begin
        Of a verb that works on no run and reads no configuration: a dataclass of its words, and what does the work.
    """

    help: str
    run: Callable[[Invocation], None] | None = None
    words: tuple[Word, ...] = ()
    only_reads: Callable[[Config], bool] = _never
    joins: bool = False
    defaults: Callable[[Mapping[str, str | None]], Mapping[str, object]] = _none
    several_processes: bool = False
    settings: type[Any] | None = None
    begin: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        if len({self.run is None, self.begin is not None, self.settings is not None}) > 1:
            raise ValueError("a verb is run, or begun with settings of its own")


CHECKPOINT_WORDS = (
    Word(name="init", key="init.format", help="format of the checkpoint to start from: hf (Hugging Face)"),
    Word(name="path", key="init.path", help="folder of that checkpoint"),
)
JSON_FLAG = "print JSON in place of tables"
