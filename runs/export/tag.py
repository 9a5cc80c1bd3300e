"""Label the words of texts with an exported network: ``python tag.py "Anna lives in Oslo"``, or a text a line on stdin.

Words are what spaces part; marks are words of their own where training had them so. Needs Python 3.11, numpy and
onnxruntime, and imports nothing of nasweave; a tokenizer that is not of BERT's parts also needs the package tokenizers.
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

__all__ = ["Tagger", "main"]


class Tagger:
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
        self.length = int(steps["pad"]["length"])
        self.labels = [str(label) for label in told["output"]["labels"]]
        self._lowercase = "lowercase" in steps
        self._vocabulary = _program(folder / encode["reader"]).Vocabulary.from_json(
            (folder / encode["vocabulary"]).read_text(encoding="utf-8")
        )
        self._before, self._after = list(steps["words"]["before"]), list(steps["words"]["after"])
        self._nothing = int(steps["words"]["nothing"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def ids(self, words: Sequence[str]) -> tuple[Any, list[int]]:
        """Return the ids of a sentence as the network reads them, int64 ``(1, L)``, and where its words begin."""
        ids, starts = list(self._before), []
        room = self.length - len(self._after)
        for n, word in enumerate(words):
            starts += [len(ids)] if len(ids) < room else []
            ids += self._pieces(word if n == 0 else f" {word}")
        ids = ids[:room] + self._after
        padded = np.zeros((1, self.length), np.int64)
        padded[0, : len(ids)] = ids
        return padded, starts

    def _pieces(self, word: str) -> list[int]:
        found = self._vocabulary.encode(word.lower() if self._lowercase else word)
        return list(found[len(self._before) : len(found) - len(self._after)]) or [self._nothing]

    def __call__(self, words: Sequence[str]) -> list[str | None]:
        """Return the label of each word of a sentence; ``None`` for words beyond the network's length."""
        ids, starts = self.ids(words)
        scores = self._session.run(None, {self._input: ids})[0][0]
        found = [self.labels[i] for i in scores[starts].argmax(-1)]
        return [*found, *[None] * (len(words) - len(found))]


def _program(path: Path) -> Any:
    """Return the folder's own ``tokenizer.py`` as a module, whatever else is called so."""
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print each word with its label, and a blank line after each text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="a text each; the lines of standard input where there are none")
    parser.add_argument("--json", action="store_true", help="print a JSON object a text")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    tagger = Tagger(Path(__file__).resolve().parent, threads=options.threads)
    for text in options.texts or [line.rstrip("\n") for line in sys.stdin]:
        words = text.split()
        labels = tagger(words)
        if options.json:
            print(json.dumps({"words": words, "labels": labels}, ensure_ascii=False))
        else:
            print("".join(f"{word}\t{label or '-'}\n" for word, label in zip(words, labels, strict=True)))


if __name__ == "__main__":
    main()
