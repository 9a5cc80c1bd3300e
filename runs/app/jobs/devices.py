"""What a service does with devices: takes measurements of one, and predicts networks on one that is known."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from predictors import LatencyPredictor
from runs.pipeline.ahead.foreseen import known_profile
from runs.pipeline.context import Context
from runs.pipeline.stages.bundle import import_results
from search_space.architecture import architecture_of
from search_space.errors import ProfileError, SpaceError
from search_space.schema import MalformedError

__all__ = ["imported", "predicted"]


def imported(context: Context, results: str) -> str:
    """Make a profile of the results of a bundle, with the checks of ``nasweave profile import=``; returns its id.

    Raises
    ------
    ProfileError
        They are of another space or setting, in another unit, damaged, or here already.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        path.write_text(results, encoding="utf-8")
        profile = replace(context.config.profile, import_results=str(path))
        context.profiles.mkdir(parents=True, exist_ok=True)
        return import_results(replace(context, config=replace(context.config, profile=profile))).stem


def predicted(context: Context, networks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the key, the latency and the ends of its interval, in milliseconds, of each network.

    Raises
    ------
    ProfileError
        The device has no profile of the space.
    SpaceError
        One of the networks is none, or is not in the space.
    """
    own = known_profile(context)
    if own is None:
        raise ProfileError("profile.path", expected="a profile", got="none", remedy="name a device")
    try:
        parsed = [architecture_of(dict(network)) for network in networks]
    except MalformedError as error:
        raise SpaceError(
            "networks", expected="architectures as candidates have them", got=str(error), remedy="correct them"
        ) from error
    genes = context.space.encode(parsed)
    predictor = LatencyPredictor(context.space).fit(own)
    rows = zip(parsed, predictor.predict(genes).tolist(), predictor.predict_interval(genes).tolist(), strict=True)
    return [
        {"key": network.key, "latency_ms": mean, "low_ms": low, "high_ms": high} for network, mean, (low, high) in rows
    ]
