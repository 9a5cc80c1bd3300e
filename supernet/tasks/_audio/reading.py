"""Clips of a user as spectrograms of one size, with what was resampled, mixed, cut or lengthened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.errors import ConfigError, DataError
from supernet.readers.files import read_bytes
from supernet.readers.memory import require_memory
from supernet.readers.words import counted
from supernet.tasks._audio.log_mel import LogMel, Wave

__all__ = ["Clips", "fitted", "spectrograms"]

_LONGEST = 10.0  # seconds of a clip, where a user sets no number
_WINDOW = 2.5  # hops
_DECODED = 24  # bytes that a byte of a file takes at most, as doubles that are resampled


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Clips:
    """The sizes of clips.

    Parameters
    ----------
    lengths, rates, channels
        Of each, ``(n,)``: samples of a channel, how many are a second, and channels.
    """

    lengths: NDArray[np.int64]
    rates: NDArray[np.int64]
    channels: NDArray[np.int64]

    @classmethod
    def of(cls, files: Sequence[Path]) -> Clips:
        """Look at files; raises ``DataError`` for one that is no WAV file of PCM or floats."""
        sizes = np.array([(len(wave), wave.rate, wave.channels) for wave in map(_wave, files)])
        return cls(lengths=sizes[:, 0], rates=sizes[:, 1], channels=sizes[:, 2])

    @property
    def seconds(self) -> NDArray[np.float64]:
        """How long each is, ``(n,)``."""
        found: NDArray[np.float64] = self.lengths / self.rates
        return found

    def notes(self, form: LogMel, *, patch: int) -> list[str]:
        """Return what is changed so that all clips have one form; less silence than a patch of windows is not told."""
        told, rates = [], Counter(self.rates[self.rates != form.rate].tolist())
        if rates:
            some = ", ".join(f"{count:,} of {rate:,} Hz" for rate, count in rates.most_common(5))
            told.append(f"resampled to {form.rate:,} Hz: {counted(rates.total(), 'clip')} ({some})")
        if mixed := int((self.channels > 1).sum()):
            told.append(f"of several channels, their mean is taken: {counted(mixed, 'clip')}")
        length = form.samples / form.rate
        if cut := int((np.round(self.seconds * form.rate) > form.samples).sum()):
            longest = f"the longest of {self.seconds.max():.3g} s (task.options.seconds)"
            told.append(f"cut to {length:.3g} s: {counted(cut, 'clip')}, {longest}")
        if short := int((self.seconds * form.rate < form.samples - patch * form.hop).sum()):
            told.append(f"followed by silence up to {length:.3g} s: {counted(short, 'clip')}")
        return told


def _wave(path: Path) -> Wave:
    try:
        return Wave.of(read_bytes(path, times=2))
    except ValueError as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, got: str) -> DataError:
    return DataError(
        str(path),
        expected="a whole WAV file of PCM or floats",
        got=got,
        remedy="convert it, as by ffmpeg -i FILE NEW.wav, or remove it",
    )


def fitted(train: Clips, *, rate: int, seconds: float, mels: int, hop_ms: float, patch: int) -> LogMel:
    """Return the form that clips are brought to.

    Parameters
    ----------
    train
        The training clips: their commonest rate is taken where ``rate`` is 0, and the longest, up to 10 s, where
        ``seconds`` is 0.
    mels
        Bands of frequencies.
    hop_ms
        From one window to the next; windows are two and a half times as long.
    patch
        The number of windows is a multiple of it.

    Raises
    ------
    ConfigError
        For bands that hold no frequency of so short windows, and a hop of no sample.
    """
    rate = rate or Counter(train.rates.tolist()).most_common(1)[0][0]
    hop = round(rate * hop_ms / 1000)
    if hop < 1:
        raise ConfigError(
            "task.options.hop_ms",
            expected=f"a sample or more, {1000 / rate:.3g} ms at {rate:,} Hz",
            got=f"{hop_ms:g}",
            remedy="set a greater one",
        )
    window = round(_WINDOW * hop)
    longest = seconds or min(_LONGEST, float(train.seconds.max()))
    frames = max(1, 1 + -(-(round(longest * rate) - window) // hop))
    frames = -(-frames // patch) * patch
    form = LogMel(rate=rate, samples=window + (frames - 1) * hop, window=window, hop=hop, mels=mels)
    empty = int((form.filters().sum(1) == 0).sum())
    if empty:
        raise ConfigError(
            "task.options.mels",
            expected=f"bands that each hold a frequency of windows of {window} samples",
            got=f"{mels}, of which {empty} hold none",
            remedy="lower task.options.mels, or raise task.options.hop_ms or sample_rate",
        )
    return form


def spectrograms(files: Sequence[Path], form: LogMel) -> NDArray[np.float32]:
    """Return the spectrograms of files, ``(n, 1, mels, frames)``, in decibels.

    Raises
    ------
    DataError
        For a file that holds no numbers, or more than memory has room for.
    """
    require_memory(
        3 * 4 * len(files) * form.mels * form.frames,
        parameter=str(files[0].parent),
        what=f"{len(files):,} spectrograms of {form.mels} x {form.frames}",
        remedy="lower task.options.seconds or mels, or use fewer clips",
    )
    found = np.empty((len(files), 1, form.mels, form.frames), np.float32)
    for row, path in zip(found, files, strict=True):
        wave = _wave(path)
        require_memory(
            _DECODED * len(wave.content), parameter=str(path), what=f"{len(wave):,} samples", remedy="split the clip"
        )
        try:
            row[:] = form.decibels(wave.samples(), rate=wave.rate)
        except ValueError as error:
            raise _refused(path, str(error)) from error
    return found
