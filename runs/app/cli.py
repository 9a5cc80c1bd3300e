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
from rich.console import Console

from search_space.errors import ConfigError, NasweaveError

__all__ = ["main", "readable"]

_OF_WORKERS = {"role": "workers.role=", "time_budget": "profile.time_budget="}
_IN_SEVERAL_PROCESSES = ("train", "worker")
USAGE = """usage: nasweave VERB [key=value ...]

From a data set, a device and a budget to a measured, exported transformer.

verbs:
{verbs}

nasweave VERB --help shows every configuration key, nasweave VERB --cfg job the whole configuration.
"""


def _main(arguments: list[str]) -> None:
    from runs.app.verbs import VERBS, VerbFunction

    if not arguments or arguments[0] in ("-h", "--help"):
        lines = [f"  {name:9}{(verb.__doc__ or '').splitlines()[0]}" for name, verb in VERBS.items()]
        print(USAGE.format(verbs="\n".join(lines)))
        return
    if arguments[0] in ("-V", "--version"):
        print(f"nasweave {version('nasweave')}")
        return
    verb, *rest = arguments
    if verb not in VERBS:
        raise ConfigError("verb", expected=f"one of {', '.join(VERBS)}", got=repr(verb), remedy="see nasweave --help")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and verb not in _IN_SEVERAL_PROCESSES:
        expected = f"{' or '.join(_IN_SEVERAL_PROCESSES)}, which alone run in several processes"
        raise ConfigError("verb", expected=expected, got=verb, remedy="run it without torchrun")
    function: VerbFunction = VERBS[verb]
    failures: list[NasweaveError] = []
    started, here = False, os.getpid()

    def job(composed: DictConfig) -> None:
        nonlocal started
        started = True
        from runs.app.config import from_hydra
        from runs.pipeline.workspace import Workspace

        logging.basicConfig(level=logging.WARNING, format="nasweave: %(message)s", stream=sys.stderr, force=True)
        folder = Path(HydraConfig.get().runtime.output_dir)
        if folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())
        overrides = tuple(HydraConfig.get().overrides.task)
        try:
            config = from_hydra(composed)
            function(Workspace(config, folder=folder, verb=verb, overrides=overrides, console=Console(stderr=True)))
        except NasweaveError as error:
            if os.getpid() != here:  # a launcher's process: the launcher brings the error back
                raise
            failures.append(error)  # Hydra would print a traceback of its own; other jobs of a multirun go on

    sys.argv = [f"nasweave {verb}", *_hydra_arguments(verb, rest)]
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


def _hydra_arguments(verb: str, arguments: list[str]) -> list[str]:
    if verb == "doctor":  # it only reads
        here = ["hydra.run.dir=.", "hydra.output_subdir=null"]
        return [*("doctor.json=true" if a == "--json" else a for a in arguments), *here]
    if verb == "profile":  # what only this verb has a word for
        arguments = [re.sub(r"^(time_budget|bundle|memory)=", r"profile.\1=", a) for a in arguments]
        arguments = [re.sub(r"^import=", "profile.import_results=", a) for a in arguments]
    if verb == "bench":
        arguments = _bench_arguments(arguments)
    else:
        arguments = [re.sub(r"^init=(?=\w)", "init.format=", a) for a in arguments]
        arguments = [f"init.path={_quoted(a.removeprefix('path='))}" if a.startswith("path=") else a for a in arguments]
    if verb == "worker":
        arguments = [re.sub(r"^(role|time_budget)=", lambda m: _OF_WORKERS[m[1]], a) for a in arguments]
    arguments = [readable(a) for a in arguments]
    if verb == "worker":  # the folder is that of the search, and many write to it
        arguments += ["hydra.output_subdir=null", "hydra.sweep.subdir=${name}"]
    if verb == "report" and any(a.startswith("compare=") for a in arguments):  # the folder of a run stays as it is
        arguments += ["hydra.run.dir=.", "hydra.output_subdir=null"]
    return arguments


def _bench_arguments(arguments: list[str]) -> list[str]:
    """Return overrides for ``nasweave bench [WHAT [PATH]]``, whose first words stand without a key."""
    words = [a for a in arguments if not a.startswith("-") and "=" not in a.partition("/")[0]]
    rest = ["bench.json=true" if a == "--json" else a for a in arguments if a not in words]
    rest = [re.sub(r"^(what|path|batch|seconds)=", r"bench.\1=", a) for a in rest]
    if len(words) > 2:
        raise ConfigError(
            "bench", expected="a benchmark and one path", got=" ".join(words), remedy="see nasweave --help"
        )
    named = [f"bench.{key}={_quoted(word)}" for key, word in zip(("what", "path"), words, strict=False)]
    only_reads = len(words) == 2 or any(a.startswith("bench.path=") for a in rest)  # of what was exported, not of a run
    return [*named, *rest, *(["hydra.run.dir=.", "hydra.output_subdir=null"] if only_reads else [])]


def _quoted(text: str) -> str:
    """Return a text in Hydra's quotes, in which backslashes are doubled only before a quote and at the end."""
    return "'" + re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + (m[2] and "\\'"), text) + "'"


def readable(argument: str) -> str:
    """Return an override as Hydra understands it."""
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
