"""Vectors of texts by an exported network: ``python embed.py "what is my balance"``, or a text a line on stdin.

Each vector has length one, so that the dot product of two is how similar their texts are. ``--output vectors.npy``
writes all of them as one array; else each is a JSON array on a line of its own.

Needs Python 3.11, numpy and onnxruntime, and imports nothing of nasweave; a tokenizer that is not of BERT's parts also
needs the package tokenizers. What is done to a text before the network sees it is read from ``preprocessing.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Embedder", "main"]

_BATCH_SIZE = 64


class Embedder:
    """An exported folder, opened.

    Parameters
    ----------
    folder
        Holds ``model.onnx``, ``preprocessing.json``, the vocabulary and ``tokenizer.py``.
    threads
        Of ONNX Runtime.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        import onnxruntime

        told = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))
        steps = {step["do"]: step for step in told["steps"]}
        encode = steps["encode"]
        self.length, self.width = int(steps["pad"]["length"]), int(told["output"]["shape"][1])
        self._vocabulary = _program(folder / encode["reader"]).Vocabulary.from_json(
            (folder / encode["vocabulary"]).read_text(encoding="utf-8")
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, texts: Sequence[str]) -> Any:
        """Return the vectors of texts, float32 ``(B, D)``, each of length one."""
        found = [np.zeros((0, self.width), np.float32)]
        for start in range(0, len(texts), _BATCH_SIZE):
            some = texts[start : start + _BATCH_SIZE]
            ids = np.zeros((len(some), self.length), np.int64)
            for row, text in zip(ids, some, strict=True):
                pieces = self._vocabulary.encode(text, most=self.length)
                row[: len(pieces)] = pieces
            found.append(self._session.run(None, {self._input: ids})[0])
        vectors = np.concatenate(found)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _program(path: Path) -> Any:
    """Return the folder's own ``tokenizer.py`` as a module, whatever else is called so."""
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print or write the vector of each text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="a text each; the lines of standard input where there are none")
    parser.add_argument("--output", type=Path, help="write the vectors to this .npy file")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    texts = options.texts or [line.rstrip("\n") for line in sys.stdin]
    vectors = Embedder(Path(__file__).resolve().parent, threads=options.threads)(texts)
    if options.output:
        with options.output.open("wb") as file:
            np.save(file, vectors)
        return
    for vector in vectors:
        print(json.dumps([round(float(value), 6) for value in vector]))


if __name__ == "__main__":
    main()
