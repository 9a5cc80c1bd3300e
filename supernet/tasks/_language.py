"""Language modelling: the prediction of each next byte of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.errors import DataError
from search_space.spec import TaskShape
from search_space.summary import DataSummary, Example
from supernet.metrics import METRICS, Kind, Measure
from supernet.readers.words import shown
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._options import Option
from supernet.tasks._summary import rows_shown, sizes_text

__all__ = ["CONTEXT", "LanguageData", "byte_data"]

_BYTES = 256
_SHOWN = 200  # bytes of an example

CONTEXT = Option(
    default=256,
    meaning="bytes of a window: how many of those before a byte its prediction may see",
    low=2,
    high=65_536,
    why="the attention of a longer window takes more memory than machines have",
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class LanguageData(TaskData):
    """Windows of tokens whose targets are the same tokens, one place on."""

    kind: ClassVar[Kind] = "tokens"
    in_order: bool = True

    measure: Measure = METRICS["bits_per_byte"]

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Cross-entropy of ``(B, L, V)`` with ``(B, L)``, in nats a token."""
        loss_BL = F.cross_entropy(outputs.mT, targets, reduction="none", label_smoothing=label_smoothing)
        return loss_BL.mean() if reduction == "mean" else loss_BL.mean(1)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the teacher's distribution from the student's, mean over tokens."""
        log_p, log_q = F.log_softmax(teacher_outputs.flatten(0, 1), -1), F.log_softmax(outputs.flatten(0, 1), -1)
        return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


def byte_data(
    train: bytes, *, validation: bytes, test: bytes, context: int, where: str, splits_made: str
) -> LanguageData:
    """Return the language modelling of bytes in windows of ``context``.

    Training windows begin at every byte. Those of validation and test lie side by side, so that each byte but the first
    is predicted, once (the last window overlaps the one before it where the text does not divide evenly); the first
    bytes of a window see little before them, so the figure is a little worse than that of a sliding window.

    Raises
    ------
    DataError
        For a split that is not longer than a window; ``where`` names the source, and ``splits_made`` says for the
        summary how the splits came about.
    """
    splits, sizes = {}, {}
    for name, raw in (("train", train), ("validation", validation), ("test", test)):
        sizes[name] = len(raw)
        if len(raw) <= context:
            raise DataError(
                f"{where}: {name}",
                expected=f"more text than one window of {context} bytes",
                got=f"{len(raw)} bytes" if raw else "empty text",
                remedy="add text, or lower task.options.context",
            )
        values = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
        windows, targets = values[:-1].unfold(0, context, 1), values[1:].unfold(0, context, 1)
        if name != "train":
            starts = [*range(0, len(windows), context)]
            starts += [len(windows) - 1] if starts[-1] != len(windows) - 1 else []
            windows, targets = windows[starts], targets[starts]
        splits[name] = Split(stored=windows, targets=targets)
    shape = TaskShape(
        input_shape=(context,),
        num_outputs=_BYTES,
        seq_len=context,
        causal=True,
        vocab_size=_BYTES,
        stem="tokens",
        head="language_model",
    )
    content = data_hash(shape, train, validation, test)
    return LanguageData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=content,
        preparation=(
            {"do": "encode", "as": "bytes of UTF-8, an id each"},
            {"do": "cut", "length": context, "values": f"the last {context} ids"},
        ),
        meaning={
            "kind": "scores of the next byte, at every place",
            "shape": ["batch", context, _BYTES],
            "decision": "softmax gives the probability of each byte to follow",
        },
        summary=DataSummary(
            facts={
                "bytes": sizes_text(sizes, what=splits_made),
                "windows": f"of {context:,} bytes, from every byte in training, side by side elsewhere",
                "different bytes": f"{len(set(train))} in training",
            },
            notes=_new_bytes(train, {"validation": validation, "test": test}),
            examples=_snippets(train),
        ),
    )


def _new_bytes(train: bytes, others: Mapping[str, bytes]) -> tuple[str, ...]:
    known = set(train)
    counts = {name: sum(raw.count(byte) for byte in set(raw) - known) for name, raw in others.items()}
    return tuple(f"{n:,} bytes of the {name} text are none of the training text's" for name, n in counts.items() if n)


def _snippets(train: bytes) -> tuple[Example, ...]:
    """Return a few places of a text and the byte to predict."""
    places = [train[start : start + _SHOWN] for start in rows_shown(max(1, len(train) - _SHOWN))]
    return tuple(
        Example(target=repr(raw[-1:].decode("latin-1")), text=shown(raw[:-1].decode("utf-8", "replace"), most=_SHOWN))
        for raw in places
    )
