"""Small data sets on disk, in the formats that the tasks read."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_fashion_mnist(root: Path, *, seed: int = 0) -> Path:
    """Write 120 training and 40 test images."""
    rng = np.random.default_rng(seed)
    folder = root / "fashion_mnist"
    folder.mkdir(exist_ok=True)
    for name, n in (("train", 120), ("t10k", 40)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 256, (n, 28, 28))
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images), 1))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels), 1))
    return folder


def arrays(*, n: int = 60, shape: tuple[int, ...] = (3, 8, 12), classes: int = 3, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (n, *shape), dtype=np.uint8),
        "y_train": np.arange(n) % classes,
        "x_test": rng.integers(0, 256, (n // 3, *shape), dtype=np.uint8),
        "y_test": np.arange(n // 3) % classes,
    }


def write_npz(path: Path, **changes: Any) -> Path:
    """Write good arrays with some of them replaced, or left out where ``None``."""
    np.savez(path, **{k: v for k, v in {**arrays(), **changes}.items() if v is not None})
    return path


WORDS = ("play", "stop", "song", "weather", "today", "please", "my", "bill", "pay", "the", "what", "is", "a", "tune")


def texts(n: int, *, classes: int = 3, seed: int = 0) -> list[tuple[str, str]]:
    """Return distinct texts of a few words with labels in turn."""
    rng = np.random.default_rng(seed)
    made: dict[str, str] = {}
    while len(made) < n:
        words = " ".join(rng.choice(WORDS, rng.integers(1, 9)))
        made.setdefault(f"{words} {seed}{len(made)}", f"intent_{len(made) % classes}")
    return list(made.items())


def write_gutenberg(root: Path) -> Path:
    """Write three short texts."""
    folder = root / "gutenberg13"
    folder.mkdir(exist_ok=True)
    for seed, (name, n) in enumerate((("train", 900), ("valid", 200), ("test", 201))):
        raw = "".join(np.random.default_rng(seed).choice(list("abcde \n"), n))
        (folder / f"{name}.txt.gz").write_bytes(gzip.compress(raw.encode()))
    return folder


def write_clinc150(root: Path) -> Path:
    """Write 60 training questions and 12 each for validation and test."""
    folder = root / "clinc150"
    folder.mkdir(exist_ok=True)
    for seed, (name, n) in enumerate((("train", 60), ("val", 12), ("test", 12))):
        lines = "".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in texts(n, seed=seed))
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


def series(steps: int, *, variates: int = 3, seed: int = 0) -> np.ndarray:
    """Return noisy waves of different scales, ``(steps, variates)``."""
    rng = np.random.default_rng(seed)
    time = np.arange(steps)[:, None]
    waves = np.sin(time * 2 * np.pi / (24 + np.arange(variates)))
    return (waves + 0.3 * rng.standard_normal((steps, variates))) * 10.0 ** np.arange(variates) + 5


def write_series(path: Path, values: np.ndarray, *, dates: bool = True) -> Path:
    """Write a header and a row a step."""
    names = [*(["date"] if dates else []), *(f"v{i}" for i in range(values.shape[1]))]
    rows = [[*([f"2020-01-01 {i}"] if dates else []), *map(repr, row)] for i, row in enumerate(values.tolist())]
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    return path


def labelled_series(
    n: int, *, steps: int = 24, channels: int = 2, uneven: bool = False, seed: int = 0
) -> list[tuple[np.ndarray, str]]:
    """Return noisy waves, ``(steps, channels)``, slow ones and fast ones in turn."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        time = np.arange(steps - (int(rng.integers(0, steps // 2)) if uneven else 0))[:, None]
        wave = np.sin(time * (0.3 + 0.5 * (i % 2)) + rng.random(channels) * 6)
        values = (wave + 0.1 * rng.standard_normal(wave.shape)) * 10.0 ** np.arange(channels) + 5
        found.append((values.round(4), f"wave {i % 2}"))
    return found


def write_ts(path: Path, rows: list[tuple[np.ndarray, str]], head: str = "@problemName waves") -> Path:
    """Write a ``.ts`` of the archives."""
    lines = ["# waves", *head.split("\n"), "@classLabel true 0 1", "@data"]
    for values, label in rows:
        lines.append(":".join([*(",".join(map(repr, channel)) for channel in values.T.tolist()), label]))
    path.write_text("\n".join(lines) + "\n")
    return path


def table_rows(n: int, *, gaps: bool = False, seed: int = 0) -> list[dict[str, str]]:
    """Return rows whose label follows from numbers and a category."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        age, income, city = rng.integers(18, 80), rng.normal(40, 9), str(rng.choice(["Oslo", "Bergen", "Lima", "Ulm"]))
        label = "yes" if age + income > 85 + 10 * (city == "Lima") else "no"
        cell = "" if gaps and rng.random() < 0.2 else f"{income:.3f}"
        found.append({"age": str(age), "income": cell, "city": city, "label": label})
    return found


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a .csv with a header."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_conll(path: Path, *, n: int = 80, seed: int = 0) -> Path:
    """Write sentences in four columns, or as CoNLL-U has them, in which a word tells its label: a name's, or none."""
    rng, lines = np.random.default_rng(seed), ["-DOCSTART- -X- -X- O", ""]
    known = ["Anna", "New York", "Oslo", "sees", "the", "old", "unreadable", "."]
    for number in range(n):
        words = [(f"{number}", "O")]  # no sentence stands twice
        for word in rng.choice(known, rng.integers(3, 9)):
            kind = {"Anna": "PER", "New York": "LOC", "Oslo": "LOC"}.get(str(word))
            tags = [f"{'I' if i else 'B'}-{kind}" if kind else "O" for i in range(len(word.split()))]
            words += zip(word.split(), tags, strict=True)
        if path.suffix == ".conllu":
            lines += ["# a sentence", f"1-2\t{words[0][0]}\t_\t_"]
            lines += [f"{i}\t{word}\t{word.lower()}\t{tag}" for i, (word, tag) in enumerate(words, 1)]
        else:
            lines += [f"{word} NN X {tag}" for word, tag in words]
        lines.append("")
    path.write_text("\n".join(lines))
    return path


def write_dataset(folder: Path, splits: dict[str, list[tuple[str, str]]]) -> Path:
    """Write texts of classes as ``DatasetDict.save_to_disk`` of Hugging Face ``datasets`` 3 does."""
    import pyarrow as pa

    names = sorted({label for rows in splits.values() for _, label in rows})
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": names, "_type": "ClassLabel"},
    }
    for split, rows in splits.items():
        (folder / split).mkdir(parents=True)
        columns = {"text": [t for t, _ in rows], "label": pa.array([names.index(y) for _, y in rows], pa.int64())}
        files = [f"data-0000{i}-of-00002.arrow" for i in range(2)]
        for i, file in enumerate(files):
            part = pa.table(columns).slice(i * (len(rows) // 2), len(rows) // 2 if i == 0 else None)
            with pa.ipc.new_stream(folder / split / file, part.schema) as writer:
                writer.write_table(part)
        state = {"_data_files": [{"filename": file} for file in files], "_fingerprint": "0", "_split": split}
        (folder / split / "state.json").write_text(json.dumps(state))
        (folder / split / "dataset_info.json").write_text(json.dumps({"features": features, "citation": ""}))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def write_tagged_dataset(folder: Path, told: Any) -> Path:
    """Write sentences as ``Dataset.save_to_disk`` does, their labels as numbers of classes."""
    import pyarrow as pa

    names = sorted({tag for tags in told.tags for tag in tags})
    tags = pa.array([[names.index(tag) for tag in row] for row in told.tags], pa.list_(pa.int64()))
    table = pa.table({"tokens": pa.array(told.words, pa.list_(pa.string())), "pos_tags": tags})
    folder.mkdir()
    with pa.ipc.new_stream(folder / "data.arrow", table.schema) as writer:
        writer.write_table(table)
    feature = {"feature": {"names": names, "_type": "ClassLabel"}, "length": -1, "_type": "Sequence"}
    (folder / "dataset_info.json").write_text(json.dumps({"features": {"pos_tags": feature}}))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    return folder


def write_ett(root: Path) -> Path:
    """Write as many hours as the standard split needs."""
    (root / "ett").mkdir(exist_ok=True)
    return write_series(root / "ett" / "ETTh1.csv", series(14_400, variates=2).round(4))


def write_pictures(
    folder: Path, *, split: str = "train", n: int = 6, classes: tuple[str, ...] = ("cat", "dog")
) -> Path:
    """Write ``n`` pictures a class."""
    from PIL import Image

    rng = np.random.default_rng(len(split))
    for name in classes:
        (folder / split / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            Image.fromarray(rng.integers(0, 256, (10, 14, 3), dtype=np.uint8)).save(folder / split / name / f"{i}.png")
    return folder


def write_clips(folder: Path, *, n: int = 25) -> Path:
    """Write high and low tones of half a second; a clip is shorter, one has another rate, one has two channels."""
    from scipy.io import wavfile

    rng = np.random.default_rng(0)
    for name, pitch in (("high", 2000), ("low", 300)):
        (folder / "train" / name).mkdir(parents=True)
        for i in range(n):
            rate, seconds = 16000 if (name, i) == ("high", 2) else 8000, 0.2 if (name, i) == ("low", 3) else 0.5
            time = np.arange(int(rate * seconds)) / rate
            wave = 0.3 * np.sin(2 * np.pi * pitch * (1 + 0.1 * rng.random()) * time) + 0.02 * rng.normal(size=len(time))
            wave = np.stack([wave, wave / 2], axis=1) if (name, i) == ("low", 4) else wave
            wavfile.write(folder / "train" / name / f"{i}.wav", rate, (wave * 2**15).astype(np.int16))
    (folder / "train" / "low" / "notes.txt").write_text("recorded in the garden")
    return folder


def write_texts(path: Path, rows: list[tuple[str, str]] | None = None) -> Path:
    """Write a .csv of texts and labels."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *(rows or texts(60))])
    return path


def sample(task: str, root: Path) -> dict[str, Any]:
    """Write a small data set of a task and return the options to load it with."""
    if task == "fashion_mnist":
        write_fashion_mnist(root)
    elif task == "npz":
        return {"path": str(write_npz(root / "mine.npz"))}
    elif task == "gutenberg":
        write_gutenberg(root)
        return {"context": 16}
    elif task == "clinc150":
        write_clinc150(root)
        return {"vocabulary": 280}
    elif task == "ett":
        write_ett(root)
    elif task == "csv":
        path = write_series(root / "mine.csv", series(300))
        return {"path": str(path), "lookback": 12, "horizon": 6, "patch": 4}
    elif task == "text":
        return {"path": str(write_texts(root / "mine.csv")), "vocabulary": 280}
    elif task == "audio_folder":
        return {"path": str(write_clips(root / "clips")), "mels": 16, "patch_size": 8}
    elif task == "token_labels":
        return {"path": str(write_conll(root / "mine.conll")), "vocabulary": 280}
    elif task == "embedding":
        from tests.supernet.tasks.encoders import write_encoder

        (root / "mine.txt").write_text("".join(f"{text}\n" for text, _ in texts(160)))
        return {"path": str(root / "mine.txt"), "checkpoint_path": str(write_encoder(root / "encoder"))}
    elif task == "table":
        return {"path": str(write_table(root / "mine.csv", table_rows(120)))}
    elif task == "labelled_series":
        return {"path": str(write_ts(root / "mine.ts", labelled_series(60)))}
    elif task == "image_folder":
        return {"path": str(write_pictures(root / "pictures", n=20)), "image_size": 8}
    elif task == "listops":
        return {"examples": 60, "held_out": 10, "max_length": 40, "seq_len": 40}
    return {}
