"""Classify texts with an exported network: ``python classify.py "what is my balance"``, or a text a line on stdin.

A text has the class of the largest score, or, where the network tells several labels, all that are likelier than not.

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

__all__ = ["Classifier", "main"]

_BATCH_SIZE = 64


class Classifier:
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
        self._most: dict[str, int] = {"most": encode["most"]} if "most" in encode else {}
        self._lowercase = "lowercase" in steps
        self.labels = [str(label) for label in told["output"]["labels"]]
        self.several = told["output"]["kind"] == "label scores"
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

    def ids(self, texts: Sequence[str]) -> Any:
        """Return the ids of texts as the network reads them, int64 ``(B, L)``, padded with 0."""
        padded = np.zeros((len(texts), self.length), np.int64)
        for row, text in zip(padded, texts, strict=True):
            text = text.lower() if self._lowercase else text
            found = self._vocabulary.encode(text, **self._most)
            row[: len(found)] = found[: self.length]
        return padded

    def probabilities(self, texts: Sequence[str]) -> Any:
        """Return the probability of each class or label, as the network has it, ``(B, K)``."""
        found = [np.zeros((0, len(self.labels)))]
        for start in range(0, len(texts), _BATCH_SIZE):
            scores = self._session.run(None, {self._input: self.ids(texts[start : start + _BATCH_SIZE])})[0]
            if self.several:
                found.append(np.exp(-np.logaddexp(0, -scores)))
                continue
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            found.append(weights / weights.sum(-1, keepdims=True))
        return np.concatenate(found)

    def __call__(self, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
        """Return the class of each text, or its labels, with their probabilities, the most likely first."""
        found = []
        for shares in self.probabilities(texts):
            order = np.argsort(-shares, kind="stable")
            chosen = [i for i in order if shares[i] > 0.5] if self.several else order[:1]
            found.append([(self.labels[i], float(shares[i])) for i in chosen])
        return found


def _program(path: Path) -> Any:
    """Return the folder's own ``tokenizer.py`` as a module, whatever else is called so."""
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print the class or the labels of each text, and their probabilities."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="a text each; the lines of standard input where there are none")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    texts = options.texts or [line.rstrip("\n") for line in sys.stdin]
    classifier = Classifier(Path(__file__).resolve().parent, threads=options.threads)
    for text, found in zip(texts, classifier(texts), strict=True):
        if not options.json:
            print(", ".join(label for label, _ in found), ", ".join(f"{p:.3f}" for _, p in found), text, sep="\t")
        elif classifier.several:
            labels = {label: round(probability, 4) for label, probability in found}
            print(json.dumps({"text": text, "labels": labels}, ensure_ascii=False))
        else:
            ((label, probability),) = found
            told = {"text": text, "label": label, "probability": round(probability, 4)}
            print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main()
