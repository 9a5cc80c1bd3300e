"""``nasweave VERB [word ...] [key=value ...]``: the command line over the verbs, none of which it knows by name.

A user's mistake is one line on standard error and exit code 2; Ctrl-C and SIGTERM are exit code 130. All leave what is
done intact. What is heavy is imported when a verb runs, so that the help is fast.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version

from runs.app.arguments import Arguments, Override, parse_arguments
from runs.app.console.interruption import interruptible
from runs.app.help import general_help, settings_help, verb_help
from runs.app.verb import Verb
from runs.app.verbs import VERBS
from runs.service.settings import STORE_VARIABLE, read_words
from search_space.errors import ConfigError, NasweaveError

__all__ = ["main"]


def _main(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(general_help())
        return
    if words[0] in ("-V", "--version"):
        print(f"nasweave {version('nasweave')}")
        return
    name, *rest = words
    if name == "--server":
        from runs.service.client.shell import run_at

        run_at(rest)
        return
    if name not in VERBS:
        raise ConfigError("verb", expected=f"one of {', '.join(VERBS)}", got=repr(name), remedy="see nasweave --help")
    verb = VERBS[name]
    if verb.settings is not None and verb.begin is not None:
        _begin(name, verb, rest)
        return
    arguments = parse_arguments(rest, verb=name, own=verb.words)
    if arguments.help:
        print(verb_help(name, verb))
        return
    _check_processes(name, verb)
    _run(name, arguments)


def _begin(name: str, verb: Verb, words: list[str]) -> None:
    assert verb.settings is not None and verb.begin is not None
    if {"-h", "--help"} & {*words}:
        print(settings_help(name, verb))
    else:
        verb.begin(read_words(verb.settings, words))


def _check_processes(name: str, verb: Verb) -> None:
    text = os.environ.get("WORLD_SIZE", "1")
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError("WORLD_SIZE", expected="a number of processes", got=repr(text), remedy="unset it")
    if int(text) > 1 and not verb.several_processes:
        able = [other for other, declared in VERBS.items() if declared.several_processes]
        expected = f"{' or '.join(able)}, which alone run in several processes"
        raise ConfigError("verb", expected=expected, got=name, remedy="run it without torchrun")


def _run(name: str, arguments: Arguments) -> None:
    from runs.app.compose import completed, compose_words, hydra_words
    from runs.app.config import as_yaml, from_hydra
    from runs.app.execute import execute, report_warnings

    report_warnings()
    kept, shown = _secrets_set_aside(completed(arguments.overrides, verb=VERBS[name]))
    if len(kept) < len(shown):
        _leave_the_list_of_processes()
    words = hydra_words(kept, config_dir=arguments.config_dir, multirun=arguments.multirun)
    if arguments.show is not None:
        print(as_yaml(from_hydra(compose_words(words))), end="")
    elif arguments.multirun:
        from runs.app.multirun import launch

        failures = launch(name, shown, words=words)
        for failure in failures[:-1]:
            _fail(str(failure))
        if failures:
            raise failures[-1]
    else:
        execute(name, compose_words(words), overrides=shown, swept={})


def _secrets_set_aside(overrides: tuple[Override, ...]) -> tuple[tuple[Override, ...], tuple[Override, ...]]:
    """Move a database with a password into the environment, from where all jobs read it and no file is written.

    One whose password is blotted out, as commands are printed, is that of the environment.

    Returns
    -------
    tuple
        The overrides that remain, and all of them as they may be shown.
    """
    from runs.store.secrets import has_secret, redacted_url

    kept, shown = [], []
    for override in overrides:
        if override.key == "store" and override.value and has_secret(override.value):
            if override.value != redacted_url(os.environ.get(STORE_VARIABLE, "")):
                os.environ[STORE_VARIABLE] = override.value
            shown.append(replace(override, value=redacted_url(override.value)))
        else:
            kept.append(override)
            shown.append(override)
    return tuple(kept), tuple(shown)


def _leave_the_list_of_processes() -> None:
    """Begin again with the passwords blotted out of the words, which everybody on the machine can see of a process.

    Only where this process is nothing but the command line: a program that calls it keeps its own arguments.
    """
    from runs.store.secrets import redacted_url

    own = sys.argv[1:]
    before = sys.orig_argv[: len(sys.orig_argv) - len(own)]
    if sys.orig_argv[len(before) :] != own:
        return
    shown = [f"store={redacted_url(w.partition('=')[2])}" if w.lstrip("+").startswith("store=") else w for w in own]
    if shown != own:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, [*before, *shown])


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = os.environ.get(STORE_VARIABLE)
    try:
        yield
    finally:
        os.environ.pop(STORE_VARIABLE, None)
        if before is not None:
            os.environ[STORE_VARIABLE] = before


def _clean(text: str) -> str:
    from runs.store.secrets import redacted

    return redacted(text, url=os.environ.get(STORE_VARIABLE))


def _fail(message: str) -> int:
    print(f"nasweave: {_clean(' '.join(message.split()))}", file=sys.stderr)
    return 2


def main() -> None:
    """Run the command line and exit."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' deprecations are for developers, who run the tests
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then raises, and the messages below are ours
    with _environment_kept():
        code = _exit_code(sys.argv[1:])
    if code:
        sys.exit(code)


def _exit_code(words: list[str]) -> int:
    try:
        with interruptible():
            _main(words)
    except NasweaveError as error:
        return _fail(str(error))
    except KeyboardInterrupt as stop:
        _fail(str(stop) or "interrupted; the same command continues")
        return 130
    except BrokenPipeError:
        return 141
    except OSError as error:
        where = error.filename or "file"
        return _fail(f"{where}: {error.strerror or error}; mend it and run the same command again")
    except Exception:  # our own bug, shown whole but for passwords
        print(_clean(traceback.format_exc()), end="", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    main()
