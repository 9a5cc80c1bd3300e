"""Audio clips: read as scipy reads them, turned into spectrograms by the formulas, and the same beside an export."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from scipy.io import wavfile

from search_space.errors import ConfigError, DataError
from supernet.tasks import TASKS, TaskData
from supernet.tasks._audio.log_mel import LogMel, Wave, resampled
from tests.supernet.tasks.samples import write_clips


def load(path: Path, **options: object) -> TaskData:
    return TASKS["audio_folder"].load(options={"path": str(path), "mels": 16, "patch_size": 8, **options})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_are_those_of_scipy(tmp_path, kind, channels):
    values = np.random.default_rng(0).uniform(-1, 1, (50, channels))
    scale, middle = {np.uint8: (127, 128), np.int16: (2**15, 0), np.int32: (2**31, 0)}.get(kind, (1, 0))
    wavfile.write(tmp_path / "a.wav", 8000, (values * (scale - 1) + middle).astype(kind))
    rate, read = wavfile.read(tmp_path / "a.wav")
    wave = Wave.of((tmp_path / "a.wav").read_bytes())
    assert (wave.rate, len(wave), wave.channels) == (rate, 50, channels)
    expected = (read.astype(np.float64).reshape(50, channels) - middle) / (128 if kind is np.uint8 else scale)
    np.testing.assert_allclose(wave.samples(), expected.mean(1), atol=1e-12)


def test_samples_of_24_bits_and_extended_formats_are_read(tmp_path):
    values = np.array([0, 1, -1, 2**23 - 1, -(2**23)], dtype=np.int64)
    content = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values)
    extended = b"\xfe\xff\x01\x00" + (8000).to_bytes(4, "little") + (24000).to_bytes(4, "little") + b"\x03\x00\x18\x00"
    extended += b"\x16\x00\x18\x00" + bytes(4) + b"\x01\x00" + bytes(14)
    raw = _riff([(b"LIST", b"odd"), (b"fmt ", extended), (b"data", content)])
    np.testing.assert_allclose(Wave.of(raw).samples(), values / 2**23, atol=1e-12)


def _riff(parts: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(name + len(c).to_bytes(4, "little") + c + b"\0" * (len(c) % 2) for name, c in parts)
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WAVE" + body


@pytest.mark.parametrize(
    "count, rate, to", [(1000, 8000, 16000), (999, 16000, 8000), (777, 11025, 16000), (9, 100, 101)]
)
def test_resampling_is_that_of_scipy(count, rate, to):
    samples = np.random.default_rng(0).normal(size=count)
    found = resampled(samples, rate=rate, to=to)
    np.testing.assert_allclose(found, scipy.signal.resample(samples, round(count * to / rate)), atol=1e-12)


def test_a_spectrogram_is_the_formula():
    """Windows by scipy's transform, triangles of the mel scale as loops."""
    form = LogMel(rate=8000, samples=440, window=200, hop=80, mels=6)
    samples = np.random.default_rng(0).normal(size=500)
    _, _, spectrum = scipy.signal.stft(
        samples[:440], fs=8000, window="hann", nperseg=200, noverlap=120, nfft=256, boundary=None, padded=False
    )
    power = np.abs(spectrum * scipy.signal.get_window("hann", 200).sum()) ** 2
    corners = [700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 8)]
    expected = np.zeros((6, 4))
    for band in range(6):
        low, middle, high = corners[band : band + 3]
        for k in range(129):
            f = k * 8000 / 256
            weight = (f - low) / (middle - low) if low <= f <= middle else (high - f) / (high - middle)
            expected[band] += max(0.0, weight) * power[k] if low <= f <= high else 0.0
    np.testing.assert_allclose(form.decibels(samples, rate=8000)[0], 10 * np.log10(expected), rtol=1e-5)


def test_clips_become_pictures_and_what_is_changed_is_told(folder):
    data = load(folder)
    assert data.shape.input_shape == (1, 16, 56) and data.labels == ("high", "low")
    assert data.summary.facts["clips"] == "0.2 to 0.5 s; heard as 0.575 s at 8,000 Hz, in 56 windows of 25 ms"
    told = "\n".join(data.summary.notes)
    for note in (
        "resampled to 8,000 Hz: 1 clip (1 of 16,000 Hz)",
        "their mean is taken: 1 clip",
        "followed by silence up to 0.575 s: 1 clip",
        "left out, for it is no clip: 1 file",
    ):
        assert note in told
    cut = load(folder, seconds=0.09)
    assert cut.shape.input_shape == (1, 16, 8) and any("cut to 0." in note for note in cut.summary.notes)
    loudest = [data.train.stored[data.train.targets == c].mean((0, 1, 3)).argmax().item() for c in (0, 1)]
    assert loudest[0] > loudest[1]  # bands of the high tones and of the low ones


def test_the_program_beside_an_export_makes_the_same_inputs_with_numpy_alone(folder, tmp_path):
    data = load(folder)
    for name in ("audio.py", "audio.json"):
        (tmp_path / name).write_text(data.files[name])
    clips = sorted((folder / "train" / "high").glob("*.wav"))[:3]
    code = (
        "import sys, numpy as np; sys.path.insert(0, '.'); from audio import LogMel; "
        "m = LogMel.from_json(open('audio.json').read()); "
        "np.save('x.npy', np.concatenate([m.input_of(p) for p in sys.argv[1:]]))"
    )
    subprocess.run([sys.executable, "-c", code, *map(str, clips)], cwd=tmp_path, check=True, env={})
    made = np.load(tmp_path / "x.npy")
    known = np.concatenate([part.inputs.numpy() for part in (data.train, data.validation, data.test)])
    assert all(np.abs(known - one).max((1, 2, 3)).min() < 1e-4 for one in made)


def _form(tag: int, rate: int, bits: int) -> bytes:
    return struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits)


@pytest.mark.parametrize(
    "raw, message",
    [
        (b"", "no WAV file"),
        (b"ID3 music", "no WAV file"),
        (_riff([(b"data", b"12")]), "without a format or without samples"),
        (_riff([(b"fmt ", _form(1, 0, 16)), (b"data", b"1234")]), "1 channels of 0 samples a second"),
        (_riff([(b"fmt ", _form(6, 8000, 8)), (b"data", b"1")]), "in the format 6, which is neither PCM nor floats"),
        (_riff([(b"fmt ", _form(3, 8000, 32)), (b"data", b"\0\0\xc0\x7f")]), "samples that are not finite"),
        (_riff([(b"fmt ", _form(1, 8000, 8)), (b"data", b"")]), "no samples"),
        (_riff([(b"fmt ", _form(1, 8000, 8)), (b"data", b"1")])[:-2], "a file that ends too early"),
    ],
)
def test_what_is_no_clip_is_refused(folder, tmp_path, raw, message):
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for i in range(4):
            (tmp_path / kind / f"{i}.wav").write_bytes((folder / "train" / "high" / "1.wav").read_bytes())
    (tmp_path / "a" / "0.wav").write_bytes(raw)
    with pytest.raises(DataError, match=rf"a/0\.wav: expected a whole WAV file of PCM or floats, got .*{message}"):
        load(tmp_path)


def test_settings_that_fit_no_clip_are_refused(folder):
    with pytest.raises(ConfigError, match=r"task\.options\.mels: expected bands that each hold a frequency"):
        load(folder, mels=256)
    with pytest.raises(ConfigError, match=r"task\.options\.hop_ms: expected a sample or more"):
        load(folder, sample_rate=1000, hop_ms=0.1)
    with pytest.raises(DataError, match=r"task\.options\.patch_size: expected a side that tiles 16x"):
        load(folder, patch_size=7)
