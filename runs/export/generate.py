"""Write text with an exported byte language model: ``python generate.py --prompt "It was"``.

Needs Python 3.11, numpy and onnxruntime, and imports nothing of nasweave. ``decode.onnx`` maps one token, its position
and the states of all layers to the scores of the next token and the new states.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["LENGTH_KEY", "Decoder", "generate", "main"]

LENGTH_KEY = "nasweave.seq_len"
_TOKEN, _POSITION = "batch", "position"


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
        self._states = {i.name: i.shape for i in self._session.get_inputs() if i.name.startswith("state.")}
        self.length = int(self._session.get_modelmeta().custom_metadata_map[LENGTH_KEY])
        self.reset(1)

    def reset(self, batch_size: int) -> None:
        """Forget all tokens."""
        self.position = 0
        self._state = {name: np.zeros((batch_size, *shape[1:]), np.float32) for name, shape in self._states.items()}

    def __call__(self, ids: Any) -> Any:
        """Feed one token id a row, ``(B, 1)``, and return the scores of the next ones, ``(B, 1, O)``."""
        position = {_POSITION: np.array(self.position, np.int64)} if self._takes_position() else {}
        scores, *states = self._session.run(None, {_TOKEN: np.asarray(ids, np.int64), **position, **self._state})
        self._state = dict(zip(self._states, states, strict=True))
        self.position += 1
        return scores

    def _takes_position(self) -> bool:
        return any(i.name == _POSITION for i in self._session.get_inputs())


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


def main() -> None:
    """Print a prompt and what follows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", default="It was ")
    parser.add_argument("--bytes", type=int, default=200, help="to write")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest byte each time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    decoder = Decoder(Path(__file__).resolve().parent / "decode.onnx", threads=options.threads)
    prompt = options.prompt.encode()
    written = generate(decoder, prompt, count=options.bytes, temperature=options.temperature, seed=options.seed)
    sys.stdout.buffer.write(prompt)
    for token in written:
        sys.stdout.buffer.write(bytes([token]))
        sys.stdout.flush()
    sys.stdout.buffer.write(b"\n")


if __name__ == "__main__":
    main()
