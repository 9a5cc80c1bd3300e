"""What a forked search begins with: the networks of another run whose quality is known under the same evaluation."""

from __future__ import annotations

from runs.pipeline.context import Context
from runs.store import Evaluations
from runs.store.named import run_named
from search_space import Architecture
from search_space.errors import ConfigError

__all__ = ["forked_networks"]


def forked_networks(context: Context, evaluations: Evaluations) -> dict[Architecture, dict[str, float]]:
    """Return the quality of every network that the search of the run ``fork`` evaluated, in its order.

    Raises
    ------
    ConfigError
        There is no such run, or none of its networks was evaluated under this checkpoint, data and evaluation.
    """
    name, store = context.config.fork, context.store
    if name is None:
        return {}
    run = run_named(store, name, task=context.config.task.name, outputs=context.outputs, parameter="fork")
    if run.id == context.run.id:
        raise ConfigError("fork", expected="another run", got=repr(name), remedy="choose another name= for the fork")
    known = evaluations.known()
    searched = [c for c in store.candidates(run.id, state="complete") if c.trial_number is not None]
    found = {
        c.architecture: known[c.key] for c in sorted(searched, key=lambda c: c.trial_number or 0) if c.key in known
    }
    if not found:
        raise ConfigError(
            "fork",
            expected="a run of the same space, training, data and evaluation settings",
            got=f"{run.folder}, whose {len(searched)} networks were evaluated otherwise",
            remedy="repeat the settings of that run, or search without fork=",
        )
    return found
