"""What is tried: each reads a small sample of files that is fine until one of them is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hardware_profiles import Profile, Setting
from hardware_profiles.portable.bundle_format import bundle_identity, read_bundle
from hardware_profiles.portable.bundle_results import read_results
from hardware_profiles.portable.exported_folder import read_manifest
from supernet.tasks import TASKS
from tests.hardware_profiles.test_device_profile import BLOCK, DEVICE, NETWORK, measurement
from tests.hardware_profiles.test_hostile_files import BUNDLE, MANIFEST, ROW
from tests.supernet.readers.test_labelled_series import write_arff, write_rows, write_steps
from tests.supernet.tasks.samples import (
    arrays,
    labelled_series,
    sample,
    table_rows,
    texts,
    write_conll,
    write_dataset,
    write_pictures,
    write_table,
    write_ts,
)

__all__ = ["Subject", "subjects"]

Options = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A sample and its reader.

    Parameters
    ----------
    name : str
        How failures name it.
    write : Callable
        Writes the sample into an empty folder and returns the options to read it with.
    read : Callable
        Reads the sample with options; it may raise a ``NasweaveError`` and nothing else.
    options : tuple of str
        Options that may be given other values.
    """

    name: str
    write: Callable[[Path], Options]
    read: Callable[[Path, Options], object]
    options: tuple[str, ...] = ()


def subjects() -> dict[str, Subject]:
    """Return every task with its own sample and those of other formats, and the documents that others write."""
    found = [_of_task(task, task, partial(sample, task)) for task in TASKS]
    found += [_of_task(f"{task}:{kind}", task, write) for (task, kind), write in _FORMATS.items()]
    found += [_document(name, write, read) for name, (write, read) in _DOCUMENTS.items()]
    return {subject.name: subject for subject in found}


def _of_task(name: str, task: str, write: Callable[[Path], Options]) -> Subject:
    def read(root: Path, options: Options) -> object:
        data = TASKS[task].load(data_root=root, options=dict(options))
        for split in (data.train, data.validation, data.test):
            assert len(split) and split.inputs.isfinite().all(), "inputs that are not finite"
        return str(data.summary)

    return Subject(name=name, write=write, read=read, options=(*TASKS[task].options, "colour"))


def _document(name: str, write: Callable[[Path], None], read: Callable[[Path], object]) -> Subject:
    def written(root: Path) -> Options:
        write(root)
        return {}

    return Subject(name=name, write=written, read=lambda root, options: read(root))


def _texts(ending: str, root: Path) -> Options:
    rows, path = texts(40), root / f"a.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    elif ending == "tsv":
        path.write_text("".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows]))
    elif ending == "txt":
        path.write_text("".join(text for text, _ in rows))
        return {"path": str(path), "vocabulary": 270, "context": 4}
    else:
        table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
        if ending == "parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_stream(path, table.schema) as writer:
                writer.write_table(table)
    return {"path": str(path), "vocabulary": 270}


def _dataset(root: Path) -> Options:
    write_dataset(root / "set", {"train": texts(40), "test": texts(12, seed=1)})
    return {"path": str(root / "set"), "vocabulary": 270}


def _several_labels(ending: str, root: Path) -> Options:
    """Texts of which each has none, one or two labels: as cells, as columns or as lists."""
    rows = [(text, [(), ("a",), ("a", "b")][i % 3]) for i, (text, _) in enumerate(texts(60))]
    path = root / f"a.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps({"text": text, "label": some}) + "\n" for text, some in rows))
    else:
        path.write_text("text,label\n" + "".join(f"{text},{' | '.join(some)}\n" for text, some in rows))
    return {"path": str(path), "vocabulary": 270, "predict": "labels"}


def _several_labels_of_pictures(root: Path) -> Options:
    (root / "pictures").mkdir()
    for i in range(30):
        Image.fromarray(np.full((8, 8), 8 * i, np.uint8)).save(root / "pictures" / f"{i}.png")
    labels = "".join(f"{i}.png,{['', 'a', 'a | b'][i % 3]}\n" for i in range(30))
    (root / "labels.csv").write_text("file,label\n" + labels)
    options = {"path": str(root / "pictures"), "labels_path": str(root / "labels.csv"), "image_size": 8}
    return {**options, "predict": "labels"}


def _pictures(ending: str, root: Path) -> Options:
    for path in sorted(write_pictures(root / "pictures", n=12).rglob("*.png")):
        Image.open(path).save(path.with_suffix(f".{ending}"))
        path.unlink()
    return {"path": str(root / "pictures"), "image_size": 8}


def _series(ending: str, root: Path) -> Options:
    rows, path = labelled_series(40, channels=1), root / f"a.{ending.rpartition('_')[2]}"
    match ending:
        case "arff":
            write_arff(path, rows)
        case "rows_csv":
            write_rows(path, rows)
            return {"path": str(path)}
        case "steps_csv":
            write_steps(path, labelled_series(40))
            return {"path": str(path), "series": "id", "time": "when", "channels": "a,b"}
        case "npz":
            values = np.stack([value for value, _ in rows])
            labels = np.array([label for _, label in rows])
            np.savez(path, x_train=values, y_train=labels, x_test=values[:10], y_test=labels[:10])
        case _:
            write_ts(path, labelled_series(40, uneven=True))
    return {"path": str(path)}


def _numbers(root: Path) -> Options:
    rows = [{**row, "label": row["age"]} for row in table_rows(60, gaps=True)]
    return {"path": str(write_table(root / "a.csv", rows)), "predict": "number"}


def _words(root: Path) -> Options:
    return {"path": str(write_conll(root / "a.conllu")), "word": 2, "label": 4, "vocabulary": 280}


def _floats(root: Path) -> Options:
    made = arrays(n=30, shape=(4, 4))
    np.savez(root / "a.npz", **{name: value / 255 if name[0] == "x" else value for name, value in made.items()})
    return {"path": str(root / "a.npz"), "patch_size": 1}


_FORMATS: dict[tuple[str, str], Callable[[Path], Options]] = {
    **{("text", ending): partial(_texts, ending) for ending in ("jsonl", "tsv", "txt", "parquet", "arrow")},
    ("text", "dataset"): _dataset,
    ("text", "labels.csv"): partial(_several_labels, "csv"),
    ("text", "labels.jsonl"): partial(_several_labels, "jsonl"),
    ("image_folder", "labels"): _several_labels_of_pictures,
    **{("image_folder", ending): partial(_pictures, ending) for ending in ("jpeg", "gif", "tiff", "webp")},
    **{
        ("labelled_series", ending): partial(_series, ending)
        for ending in ("arff", "rows_csv", "steps_csv", "npz", "uneven_ts")
    },
    ("table", "numbers"): _numbers,
    ("token_labels", "conllu"): _words,
    ("npz", "floats"): _floats,
}


def _profile() -> Profile:
    return Profile(
        device=DEVICE,
        setting=Setting(runtime="onnxruntime", threads=2),
        runtime_version="1.31.1",
        space_fingerprint="0123456789ab",
        created_at="2026-11-22T10:00:01.000+00:00",
        measurements=(measurement(BLOCK, 0), measurement(NETWORK, 1, 2.0)),
        noise_floor=0.012,
    )


def _write_results(root: Path) -> None:
    header = json.loads(_profile().save(root / "p.json").read_text())
    for path in root.iterdir():
        path.unlink()
    head = {"format": "nasweave.bundle_results", "schema": 1, "bundle": "0" * 16, "session": "0" * 16, "unit": "ms"}
    about = ("device", "setting", "runtime_version", "space_fingerprint", "created_at")
    head |= {**{name: header[name] for name in about}, "confidence": 0.95, "baseline_ms": 0.1, "provenance": {}}
    row = {"name": "00000", **ROW, "subject": json.dumps({"architecture": json.loads(NETWORK.to_json())})}
    (root / "r.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (head, row)))


def _write(name: str, content: object, root: Path) -> None:
    (root / name).write_text(json.dumps(content))


_DOCUMENTS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "profile": (lambda root: _profile().save(root / "p.json"), lambda root: Profile.load(root / "p.json")),
    "manifest": (partial(_write, "manifest.json", MANIFEST), read_manifest),
    "bundle": (partial(_write, "bundle.json", {**BUNDLE, "id": bundle_identity(BUNDLE)}), read_bundle),
    "results": (_write_results, lambda root: read_results(root / "r.jsonl")),
}
