"""``nasweave <verb> [hydra overrides]``: each verb is a Hydra application over ``hydra_conf``.

A user's mistake is one line on standard error and exit code 2; Ctrl-C is exit code 130. Both leave what is done intact.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runs.app.arguments import Arguments, parse_arguments
from runs.app.renamed import current
from runs.app.verb import Verb
from search_space.errors import ConfigError, NasweaveError

__all__ = ["main", "readable"]

USAGE = """usage: nasweave VERB [key=value ...]

From a data set, a device and a budget to a measured, exported transformer.

verbs:
{verbs}

nasweave VERB --help shows every configuration key, nasweave VERB --cfg job the whole configuration.
"""


def _main(arguments: list[str]) -> None:
    from runs.app.verbs import VERBS

    if not arguments or arguments[0] in ("-h", "--help"):
        lines = [f"  {name:9}{verb.help}" for name, verb in VERBS.items()]
        print(USAGE.format(verbs="\n".join(lines)))
        return
    if arguments[0] in ("-V", "--version"):
        print(f"nasweave {version('nasweave')}")
        return
    name, *rest = arguments
    if name not in VERBS:
        raise ConfigError("verb", expected=f"one of {', '.join(VERBS)}", got=repr(name), remedy="see nasweave --help")
    verb = VERBS[name]
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not verb.several_processes:
        able = [other for other, declared in VERBS.items() if declared.several_processes]
        expected = f"{' or '.join(able)}, which alone run in several processes"
        raise ConfigError("verb", expected=expected, got=name, remedy="run it without torchrun")
    failures: list[NasweaveError] = []
    started, here = False, os.getpid()

    def job(composed: DictConfig) -> None:
        nonlocal started
        started = True
        from runs.app.config import from_hydra
        from runs.app.invocation import Invocation
        from runs.app.terminal import TerminalReporter
        from runs.pipeline.context import Command

        logging.basicConfig(level=logging.WARNING, format="nasweave: %(message)s", stream=sys.stderr, force=True)
        folder = Path(HydraConfig.get().runtime.output_dir)
        if folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())
        overrides = tuple(HydraConfig.get().overrides.task)
        try:
            config = from_hydra(composed)
            command = Command(verb=name, overrides=overrides)
            verb.run(Invocation(config=config, folder=folder, command=command, reporter=TerminalReporter()))
        except NasweaveError as error:
            if os.getpid() != here:  # a launcher's process: the launcher brings the error back
                raise
            failures.append(error)  # Hydra would print a traceback of its own; other jobs of a multirun go on

    sys.argv = [f"nasweave {name}", *_hydra_arguments(verb, parse_arguments(rest, verb=name, own=verb.words))]
    try:
        hydra.main(version_base="1.3", config_path="pkg://hydra_conf", config_name="config")(job)()
    except ValueError as error:  # Hydra's, for an override such as task=null; after the start it would be our bug
        if started:
            raise
        raise HydraException(str(error)) from error
    for failure in failures[:-1]:
        _fail(str(failure))
    if failures:
        raise failures[-1]


def _hydra_arguments(verb: Verb, arguments: Arguments) -> list[str]:
    flags = ["--multirun"] * arguments.multirun + ["--help"] * arguments.help
    flags += ["--cfg", "job"] if arguments.show else []
    paths = ("init.path", "bench.path")
    words = [
        f"{o.prefix}{o.key}={_quoted(o.value)}" if o.key in paths and o.value else f"{o.prefix}{o}"
        for o in arguments.overrides
    ]
    if verb.joins:  # the folder is that of another command, and many write to it
        words += ["hydra.output_subdir=null", "hydra.sweep.subdir=${name}"]
    return [*flags, *map(readable, words)]


def _quoted(text: str) -> str:
    """Return a text in Hydra's quotes, in which backslashes are doubled only before a quote and at the end."""
    return "'" + re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + (m[2] and "\\'"), text) + "'"


def readable(argument: str) -> str:
    """Return an override as Hydra understands it."""
    argument = current(argument)
    # It would read the key 712e11511820 as a number.
    argument = re.sub(r"^(key|name|fork)=([\w.-]+)$", r"\1='\2'", argument)
    # It would read @ as the sign of a package, and refuses names that the configuration does not have.
    argument = re.sub(r"^budget\.(\w+@[\w-]+)=(.+)$", r"+budget={\1:\2}", argument)
    # It refuses keys that the composed space does not have.
    return re.sub(r"^(devices\.[\w-]+=|(devices|budget)=\{|space\.(stem|head|norm|largest)\b)", r"++\1", argument)


def _fail(message: str) -> int:
    print(f"nasweave: {' '.join(message.split())}", file=sys.stderr)
    return 2


def main() -> None:
    """Run the command line and exit."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra then raises, and the messages below are ours
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' deprecations are for developers, who run the tests
    try:
        _main(sys.argv[1:])
    except NasweaveError as error:
        sys.exit(_fail(str(error)))
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(_fail(f"{error}; nasweave VERB --help shows the keys"))
    except KeyboardInterrupt:
        print("nasweave: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        sys.exit(
            _fail(f"{error.filename or 'file'}: {error.strerror or error}; mend it and run the same command again")
        )


if __name__ == "__main__":
    main()
