"""Whole series with a class or a number each: normalised channel by channel, of one length or padded to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import DataError
from search_space.spec import TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.memory import require_memory
from supernet.readers.series.labelled import LabelledSeries
from supernet.readers.words import shown
from supernet.tasks._answers import answers_of
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._series.values import FILLS, deviation, range_notes
from supernet.tasks._summary import rows_shown, sizes_text

__all__ = ["LONGEST", "labelled_series_data"]

LONGEST = 4096
"""Steps of a series, where a user sets no number."""

_TOKENS = 64  # at most, where a user sets no patch
_LISTED = 8
_SHOWN = 6  # steps of an example
_SMALLEST = 1e-300


def labelled_series_data(
    parts: Mapping[str, LabelledSeries],
    *,
    predict: str,
    steps: int,
    patch: int,
    fill: str,
    where: str,
    splits_made: str,
) -> TaskData:
    """Return the task of the series of the three splits.

    Parameters
    ----------
    parts
        The splits, of which ``train`` is one.
    predict
        Whether labels are classes or numbers.
    steps
        Of the padded series; 0 is as many as the longest training series has, up to ``LONGEST``. Longer series are cut,
        and counted.
    patch
        Steps of a token; 0 makes at most 64 tokens.
    fill
        What stands for missing values.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.

    Raises
    ------
    DataError
        For missing values that are not filled, channels that differ between splits or are all constant, values beyond
        what can be trained on, or labels that are refused.
    """
    answers = answers_of({name: part.labels for name, part in parts.items()}, predict=predict, where=where)
    train = parts["train"]
    for name, part in parts.items():
        if len(part.channels) != len(train.channels):
            raise DataError(
                f"{where}: {name}",
                expected=f"{len(train.channels)} channels, as in training",
                got=str(len(part.channels)),
                remedy="give all splits the same channels",
            )
    told = [note for part in parts.values() for note in part.notes]
    parts, gaps = _filled(parts, fill, where=where)
    parts, constant = _without_constant(parts, where=where)
    channels = parts["train"].channels
    whole = np.concatenate(parts["train"].values)
    mean, spread = whole.mean(0), deviation(whole)

    lengths = [len(x) for part in parts.values() for x in part.values]
    kept = steps or min(LONGEST, max(len(x) for x in parts["train"].values))
    patch = patch or -(-kept // _TOKENS)
    tokens = -(-kept // patch)
    is_padded = min(lengths) < kept
    require_memory(
        4 * 4 * len(lengths) * tokens * patch * (len(channels) + is_padded),
        parameter=where,
        what=f"{len(lengths):,} series of {tokens * patch:,} steps in {len(channels):,} channels",
        remedy="lower task.options.steps",
    )
    zero, one = torch.zeros(()), torch.ones(())
    standardised = {n: [(x[:kept] - mean) / spread for x in parts[n].values] for n in ("train", "validation", "test")}
    ends = np.cumsum([sum(map(len, rows)) for rows in standardised.values()]).tolist()
    far = range_notes(np.concatenate([x for rows in standardised.values() for x in rows]), channels, ends, where=where)
    splits = {
        name: Split(
            stored=_padded(rows, tokens * patch, with_mask=is_padded),
            targets=answers.targets[name],
            offset=zero,
            scale=one,
            groups=parts[name].ties.numbers,
        )
        for name, rows in standardised.items()
    }
    shape = TaskShape(
        input_shape=(tokens * patch, len(channels) + is_padded),
        num_outputs=answers.outputs,
        seq_len=tokens,
        padded=is_padded,
        stem="series_patch",
        head="pooled",
    )
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    cut = [n for n in lengths if n > kept]
    cuts = [f"{len(cut):,} of {len(lengths):,} series are cut to {kept:,} steps, the longest of {max(lengths):,}"]
    return answers.make(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=data_hash((shape, *answers.kind), *tensors),
        files=answers.files,
        preparation=_preparation(channels, mean, spread, kept=kept, length=tokens * patch, padded=is_padded, fill=fill),
        meaning=answers.meaning,
        in_order=bool(parts["train"].ties.times),
        summary=DataSummary(
            facts={
                "examples": sizes_text({name: len(part) for name, part in parts.items()}, what=splits_made),
                **answers.facts,
                "series": f"{min(lengths):,} to {max(lengths):,} steps",
                "channels": f"{len(channels)}: {_ranges(parts['train'])}",
                "tokens": f"{tokens:,} of {patch:,} steps" + (", padded and masked" if is_padded else ""),
            },
            notes=(*dict.fromkeys(told), *gaps, *constant, *(cuts if cut else ()), *far, *answers.notes),
            examples=_examples(parts["train"], answers.told),
        ),
    )


def _filled(
    parts: Mapping[str, LabelledSeries], fill: str, *, where: str
) -> tuple[Mapping[str, LabelledSeries], list[str]]:
    """Return series without missing values, and how many there were."""
    missing = sum(int(np.isnan(x).sum()) for part in parts.values() for x in part.values)
    if not missing:
        return parts, []
    if fill == "none":
        raise DataError(
            where,
            expected="a number at every step",
            got=f"{missing:,} missing ones",
            remedy=f"set task.options.fill to {', '.join(FILLS[1:-1])} or {FILLS[-1]}, or fill them",
        )
    known = np.concatenate(parts["train"].values)
    mean = np.nansum(known, 0) / np.maximum(1, (~np.isnan(known)).sum(0))
    whole = {
        name: replace(part, values=[_without_gaps(x, fill, mean=mean) for x in part.values])
        for name, part in parts.items()
    }
    return whole, [f"filled, task.options.fill={fill}: {missing:,} missing values"]


def _without_gaps(values: NDArray[np.float64], fill: str, *, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one series without gaps; a channel without a value has the mean of training."""
    values, steps = values.copy(), np.arange(len(values))
    for c in np.flatnonzero(np.isnan(values).any(0)):
        gaps, known = np.isnan(values[:, c]), np.flatnonzero(~np.isnan(values[:, c]))
        if fill == "mean" or not len(known):
            values[gaps, c] = mean[c]
        elif fill == "linear":
            values[gaps, c] = np.interp(steps[gaps], known, values[known, c])
        else:
            values[gaps, c] = values[known[np.maximum(np.searchsorted(known, steps[gaps], side="right") - 1, 0)], c]
    return values


def _without_constant(
    parts: Mapping[str, LabelledSeries], *, where: str
) -> tuple[Mapping[str, LabelledSeries], list[str]]:
    """Return series without channels that are constant in training, and their names."""
    whole, names = np.concatenate(parts["train"].values), parts["train"].channels
    spread = deviation(whole)
    varies = (spread > 1e-9 * np.abs(whole).max(0)) & (spread > _SMALLEST)
    if varies.all():
        return parts, []
    if not varies.any():
        raise DataError(
            where, expected="a channel that varies", got="constant ones in training", remedy="choose other data"
        )
    kept = np.flatnonzero(varies)
    left = ", ".join(shown(names[i]) for i in np.flatnonzero(~varies)[:_LISTED])
    chosen = {
        name: replace(part, values=[x[:, kept] for x in part.values], channels=tuple(names[i] for i in kept))
        for name, part in parts.items()
    }
    return chosen, [f"channels that are constant in training are left out: {left}"]


def _padded(values: Sequence[NDArray[np.float64]], length: int, *, with_mask: bool) -> Tensor:
    """Return series ``(n, length, C)`` that end in zeros, with a last channel of ones at what is real."""
    channels = values[0].shape[1]
    stored = torch.zeros(len(values), length, channels + with_mask)
    for i, x in enumerate(values):
        stored[i, : len(x), :channels] = torch.from_numpy(x.astype(np.float32))
        if with_mask:
            stored[i, : len(x), -1] = 1.0
    return stored


def _preparation(
    channels: Sequence[str],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
    *,
    kept: int,
    length: int,
    padded: bool,
    fill: str,
) -> tuple[Mapping[str, object], ...]:
    """Return the steps from a series to an input."""
    fills: list[Mapping[str, object]] = []
    if fill != "none":
        fills = [{"do": "fill", "missing values": fill, **({"mean": mean.tolist()} if fill == "mean" else {})}]
    marks: list[Mapping[str, object]] = [{"do": "append", "channel": "1 at every step of the series"}] if padded else []
    return (
        {
            "do": "arrange",
            "axes": ["step", "channel"],
            "channels": list(channels),
            "values": f"the first {kept} steps",
        },
        *fills,
        {
            "do": "standardise",
            "formula": "(x - offset) * scale",
            "axis": "channel",
            "offset": mean.tolist(),
            "scale": (1 / spread).tolist(),
        },
        *marks,
        {"do": "pad", "axes": ["step"], "length": length, "value": 0, "values": "zeros after the last step"},
    )


def _ranges(train: LabelledSeries) -> str:
    whole = np.concatenate(train.values)
    low, high = whole.min(0), whole.max(0)
    some = ", ".join(
        f"{shown(name, most=30)} ({low[i]:.4g} to {high[i]:.4g})" for i, name in enumerate(train.channels[:_LISTED])
    )
    return some + (" ..." if len(train.channels) > _LISTED else "")


def _examples(train: LabelledSeries, told: Callable[[int], str]) -> tuple[Example, ...]:
    """Return the first steps of the first channel of a few series, and what they are."""
    found = []
    for i in rows_shown(len(train)):
        x = train.values[i][:, 0]
        steps = ", ".join(f"{v:.4g}" for v in x[:_SHOWN]) + (" ..." if len(x) > _SHOWN else "")
        found.append(Example(target=told(i), text=f"{shown(train.channels[0], most=30)}: {steps}"))
    return tuple(found)
