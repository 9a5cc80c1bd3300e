"""Log-mel spectrograms of audio clips: ``LogMel.from_json(text).input_of("clip.wav")`` is a network's input.

Needs Python and numpy alone: it is the ``audio.py`` beside an exported network, ``audio.json`` are its settings. A clip
is read from a WAV file, its channels averaged, brought to one sample rate and one length; the power of windows of
Hann is summed under triangles that are even on the mel scale, ``2595 log10(1 + f / 700)``, and taken in decibels.

Papers: Davis and Mermelstein 1980, Comparison of Parametric Representations; O'Shaughnessy 1987 (the scale).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["LogMel", "Wave", "resampled"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_CHANNELS, _HIGHEST_RATE = 1024, 1_000_000
_QUIETEST = 1e-10  # power, which is -100 dB


@dataclass(frozen=True, slots=True)
class Wave:
    """A WAV file that is not decoded yet.

    Parameters
    ----------
    rate
        Samples a second.
    channels
        How many there are.
    kind
        Of a sample: how numpy reads it, ``u1``, ``<i2``, ``<i3``, ``<i4``, ``<f4`` or ``<f8``.
    content
        The samples.
    """

    rate: int
    channels: int
    kind: str
    content: bytes

    @classmethod
    def of(cls, raw: bytes) -> Wave:
        """Read a file's content; raises ``ValueError`` for what is none, damaged, or compressed."""
        if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
            raise ValueError("no WAV file")
        form, content = b"", None
        for name, part in _chunks(raw):
            if name == b"fmt ":
                form = part
            elif name == b"data":
                content = part
                break
        if len(form) < 16 or content is None:
            raise ValueError("a WAV file without a format or without samples")
        tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
        if tag == _EXTENSIBLE and len(form) >= 26:
            tag = struct.unpack("<H", form[24:26])[0]
        kinds = {(_PCM, 8): "u1", (_FLOAT, 32): "<f4", (_FLOAT, 64): "<f8"}
        kind = kinds.get((tag, bits)) or (f"<i{bits // 8}" if tag == _PCM and bits in (16, 24, 32) else None)
        if kind is None:
            raise ValueError(f"samples of {bits} bits in the format {tag}, which is neither PCM nor floats")
        if not (0 < channels <= _MOST_CHANNELS and 0 < rate <= _HIGHEST_RATE):
            raise ValueError(f"{channels} channels of {rate} samples a second")
        size = channels * int(kind[-1])
        if len(content) < size:
            raise ValueError("no samples")
        return cls(rate=rate, channels=channels, kind=kind, content=content[: len(content) // size * size])

    def __len__(self) -> int:
        return len(self.content) // (self.channels * int(self.kind[-1]))

    def samples(self) -> Any:
        """Return the mean of the channels, ``(n,)``, whole numbers as -1 to 1; raises ``ValueError`` for NaN."""
        if self.kind == "<i3":
            bytes_ = np.frombuffer(self.content, np.uint8).reshape(-1, 3).astype(np.int32)
            whole = bytes_[:, 0] << 8 | bytes_[:, 1] << 16 | bytes_[:, 2] << 24  # so that the sign is the number's
            values = whole / 2.0**31
        else:
            values = np.frombuffer(self.content, self.kind).astype(np.float64)
            values = {"u1": (values - 128) / 128, "<i2": values / 2.0**15, "<i4": values / 2.0**31}.get(
                self.kind, values
            )
        if not np.isfinite(values).all():
            raise ValueError("samples that are not finite")
        return values.reshape(-1, self.channels).mean(1)


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and contents of the parts of a file; raises ``ValueError`` where one is cut off."""
    at = 12
    while at + 8 <= len(raw):
        name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        if at + 8 + size > len(raw):
            raise ValueError("a file that ends too early")
        yield name, raw[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def resampled(samples: Any, *, rate: int, to: int) -> Any:
    """Return samples ``(n,)`` at another rate, by cutting off or adding frequencies of their Fourier transform."""
    count = round(len(samples) * to / rate)
    if rate == to or count < 1:
        return samples
    spectrum = np.fft.rfft(samples)
    kept = min(len(samples), count)
    spectrum = spectrum[: kept // 2 + 1]
    if kept % 2 == 0 and count != len(samples):  # the highest of these frequencies is its own mirror image
        spectrum[-1] *= 2.0 if count < len(samples) else 0.5
    return np.fft.irfft(spectrum, count) * (count / len(samples))


@dataclass(frozen=True, kw_only=True, slots=True)
class LogMel:
    """How a clip becomes an input.

    Parameters
    ----------
    rate
        Samples a second.
    samples
        Of a clip: a longer one is cut, a shorter one goes on in silence.
    window, hop
        Samples of a window, and from one to the next.
    mels
        Bands of frequencies.
    offset, scale
        An input is ``(decibels - offset) * scale``.
    """

    rate: int
    samples: int
    window: int
    hop: int
    mels: int
    offset: float = 0.0
    scale: float = 1.0

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps({"schema": 1, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> LogMel:
        """Read what :meth:`to_json` wrote."""
        told = json.loads(text)
        return cls(**{name: value for name, value in told.items() if name != "schema"})

    @property
    def frames(self) -> int:
        """How many windows a clip has."""
        return 1 + (self.samples - self.window) // self.hop

    @property
    def points(self) -> int:
        """Of a Fourier transform: the power of two that holds a window."""
        return 1 << (self.window - 1).bit_length()

    def filters(self) -> Any:
        """Return the triangles, ``(mels, points // 2 + 1)``, which a frequency's power is weighed with."""
        highest = 2595 * np.log10(1 + self.rate / 2 / 700)
        corners = 700 * (10 ** (np.linspace(0, highest, self.mels + 2) / 2595) - 1)
        frequencies = np.arange(self.points // 2 + 1) * self.rate / self.points
        rising = (frequencies - corners[:-2, None]) / np.diff(corners)[:-1, None]
        falling = (corners[2:, None] - frequencies) / np.diff(corners)[1:, None]
        return np.maximum(0, np.minimum(rising, falling))

    def decibels(self, samples: Any, *, rate: int) -> Any:
        """Return the spectrogram of samples ``(n,)``, float32 ``(1, mels, frames)``."""
        enough = -(-self.samples * rate // self.rate)
        clip = resampled(samples[:enough], rate=rate, to=self.rate)[: self.samples]
        clip = np.concatenate([clip, np.zeros(self.samples - len(clip))])
        windows = np.lib.stride_tricks.sliding_window_view(clip, self.window)[:: self.hop][: self.frames]
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        power = np.abs(np.fft.rfft(windows * hann, self.points)) ** 2
        bands = self.filters() @ power.T
        return (10 * np.log10(np.maximum(bands, _QUIETEST)))[None].astype(np.float32)

    def input_of(self, path: str | Path) -> Any:
        """Return the input of a WAV file, float32 ``(1, 1, mels, frames)``; raises ``ValueError`` for what is none."""
        wave = Wave.of(Path(path).read_bytes())
        return ((self.decibels(wave.samples(), rate=wave.rate) - self.offset) * self.scale).astype(np.float32)[None]
