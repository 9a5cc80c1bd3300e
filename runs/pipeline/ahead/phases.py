"""Refuse phases of a language model that the networks of a task, a runtime or the blocks of a space do not have."""

from __future__ import annotations

from hardware_profiles import RUNTIMES
from runs.objectives import STEP_TIMES, objective_named
from runs.pipeline.config import Config, HardwareConfig
from search_space import SearchSpace, TaskShape
from search_space.errors import ConfigError

__all__ = ["check_lengths", "check_phases"]

_LENGTHS = ("prompt_tokens", "cache_tokens")


def check_phases(config: Config, task: TaskShape) -> None:
    """Raise ``ConfigError`` for what only decoders have, where the task's networks or the runtime do not decode.

    Parameters
    ----------
    config
        Its objectives, limits and lengths.
    task
        What networks read and write.
    """
    hardware = config.hardware
    named = [*(("search.objectives", n) for n in config.search.objectives)]
    named += [(f"budget.{name}", name) for name in config.limits.limits]
    decoding = [(key, name) for key, name in named if objective_named(name).decodes]
    if not task.causal:
        decoding += [(f"hardware.{name}", name) for name in _LENGTHS if getattr(hardware, name) is not None]
        for key, name in decoding:
            raise ConfigError(
                key,
                expected="a causal task, such as gutenberg: only its networks decode token by token",
                got=f"{name} of a task whose networks read whole examples",
                remedy="leave it out, or limit latency_ms",
            )
        return
    for name in _LENGTHS:
        tokens = getattr(hardware, name)
        if tokens is not None and tokens > task.seq_len:
            raise ConfigError(
                f"hardware.{name}",
                expected=f"at most {task.seq_len}, the tokens that networks of the task read",
                got=str(tokens),
                remedy="give fewer, or a task of longer context",
            )
    for key, name in decoding:
        if name in STEP_TIMES and not RUNTIMES[hardware.runtime].decodes:
            raise ConfigError(
                key,
                expected="a runtime that runs the step of a decoder: onnxruntime",
                got=f"{name} on {hardware.runtime}, which does not",
                remedy="take hardware=onnxruntime, or limit ttft_ms and cache_bytes, which need no step",
            )


def check_lengths(hardware: HardwareConfig, space: SearchSpace) -> None:
    """Raise ``ConfigError`` for a length at which a block of the space cannot be built."""
    for name in _LENGTHS:
        tokens = getattr(hardware, name)
        if tokens is None:
            continue
        geometry = space.geometry.of_length(tokens)
        for block in space.blocks:
            problem = space.catalogue.spec(block.kind, block.key).check(geometry.shape(block))
            if problem is not None:
                raise ConfigError(
                    f"hardware.{name}",
                    expected=f"a length that {block.key} has a form for ({problem})",
                    got=str(tokens),
                    remedy="give another length, or take the mixer out of the space",
                )
