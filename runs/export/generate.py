"""Write text with an exported byte language model: ``python generate.py --prompt "It was"``; ``--measure 2`` times it.

Needs Python 3.11, numpy and onnxruntime, and imports nothing of nasweave. ``decode.onnx`` maps one token, its position
and the states of all layers to the scores of the next token and the new states.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["LENGTH_KEY", "Decoder", "generate", "main", "measure"]

LENGTH_KEY = "nasweave.seq_len"
_TOKEN, _POSITION = "batch", "position"
_FEWEST_TIMED = 40


class Decoder:
    """A session of ``decode.onnx`` with its states."""

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            model.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._states = {i.name: i for i in self._session.get_inputs() if i.name.startswith("state.")}
        self._takes_position = any(i.name == _POSITION for i in self._session.get_inputs())
        self.length = int(self._session.get_modelmeta().custom_metadata_map[LENGTH_KEY])
        self.reset(1)

    def reset(self, batch_size: int) -> None:
        """Forget all tokens."""
        self.position = 0
        kinds = {"tensor(float)": np.float32, "tensor(int8)": np.int8}
        self._state = {n: np.zeros((batch_size, *i.shape[1:]), kinds[i.type]) for n, i in self._states.items()}

    @property
    def cache_bytes(self) -> int:
        """Bytes of what it remembers between two tokens."""
        return sum(state.nbytes for state in self._state.values())

    def __call__(self, ids: Any) -> Any:
        """Feed one token id a row, ``(B, 1)``, and return the scores of the next ones, ``(B, 1, O)``."""
        position = {_POSITION: np.array(self.position, np.int64)} if self._takes_position else {}
        scores, *states = self._session.run(None, {_TOKEN: np.asarray(ids, np.int64), **position, **self._state})
        self._state = dict(zip(self._states, states, strict=True))
        self.position += 1
        return scores


def generate(decoder: Decoder, prompt: bytes, *, count: int, temperature: float = 0.8, seed: int = 0) -> Iterator[int]:
    """Yield bytes that follow a prompt; a temperature of 0 takes the likeliest each time.

    When the model's length is reached, it starts again from the last half of the text.
    """
    rng = np.random.default_rng(seed)
    text = list(prompt or b"\n")
    decoder.reset(1)
    waiting = list(text[-decoder.length :])
    for _ in range(count):
        if decoder.position + len(waiting) > decoder.length:
            decoder.reset(1)
            waiting = text[-(decoder.length // 2) :]
        for token in waiting:
            scores = decoder([[token]])[0, 0].astype(np.float64)
        if temperature > 0:
            weights = np.exp((scores - scores.max()) / temperature)
            token = int(rng.choice(len(weights), p=weights / weights.sum()))
        else:
            token = int(scores.argmax())
        text.append(token)
        waiting = [token]
        yield token


def measure(decoder: Decoder, *, seconds: float) -> dict[str, float]:
    """Return what a token costs: median and 90th percentile in milliseconds, tokens a second, and bytes remembered."""
    decoder.reset(1)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < _FEWEST_TIMED or time.perf_counter() < end:
        if decoder.position >= decoder.length:
            decoder.reset(1)
        begin = time.perf_counter()
        decoder([[1]])
        taken.append((time.perf_counter() - begin) * 1e3)
    median, most = np.percentile(taken[_FEWEST_TIMED // 2 :], [50, 90])  # the first ones warm up
    return {
        "decode_ms": float(median),
        "decode_p90_ms": float(most),
        "tokens_per_s": 1e3 / float(median),
        "cache_bytes": float(decoder.cache_bytes),
    }


def main() -> None:
    """Print a prompt and what follows it, or what a token costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", default="It was ")
    parser.add_argument("--bytes", type=int, default=200, help="to write")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest byte each time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", type=Path, default=Path(__file__).resolve().parent / "decode.onnx")
    parser.add_argument("--measure", type=float, metavar="SECONDS", help="time tokens for so long, print it as JSON")
    options = parser.parse_args()
    decoder = Decoder(options.model, threads=options.threads)
    if options.measure is not None:
        print(json.dumps(measure(decoder, seconds=options.measure)))
        return
    prompt = options.prompt.encode()
    written = generate(decoder, prompt, count=options.bytes, temperature=options.temperature, seed=options.seed)
    sys.stdout.buffer.write(prompt)
    for token in written:
        sys.stdout.buffer.write(bytes([token]))
        sys.stdout.flush()
    sys.stdout.buffer.write(b"\n")


if __name__ == "__main__":
    main()
