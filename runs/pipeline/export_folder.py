"""The folder of an exported network: the files of every format, their parity, hashes, texts and card."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from hardware_profiles.portable.exported_folder import EXAMPLE
from runs.evaluation.finetuning import FinetunedFiles
from runs.export import (
    FORMATS,
    ParityReport,
    Subject,
    classify,
    embed,
    file_sizes,
    model_card,
    notice,
    tag,
    write_manifest,
)
from runs.files import new_folder
from runs.pipeline.card_data import card_data
from runs.pipeline.context import Context
from runs.store import Candidate
from supernet import Network
from supernet.blocks import deployed
from supernet.tasks import TASKS, TaskData

__all__ = ["subject_of", "write_folder"]

_READER = "tokenizer.py"
_PROGRAMS = {
    "classes": Path(classify.__file__),
    "labels": Path(classify.__file__),
    "token_labels": Path(tag.__file__),
    "vectors": Path(embed.__file__),
}


def subject_of(network: Network, data: TaskData) -> Subject:
    """Return what is exported of a network: its deployed forms, with one example."""
    example, _ = data.validation.batch(slice(0, 1))
    return Subject(
        simulated=_copied(network, simulate_precision=True),
        in_float=_copied(network, simulate_precision=False),
        example=example,
    )


def write_folder(
    context: Context,
    candidate: Candidate,
    target: Path,
    *,
    subject: Subject,
    parity: ParityReport,
    tuned: FinetunedFiles | None,
    formats: Sequence[str],
) -> list[str]:
    """Write the folder, which appears whole or not at all; returns the formats with their companions."""
    companions = {c for name in formats for c in FORMATS[name].companions if FORMATS[c].unfit(subject) is None}
    forms = {name: FORMATS[name]() for name in sorted({*formats, *companions})}
    with new_folder(target) as folder, context.reporter.progress(f"export {candidate.key}") as progress:
        for i, (name, form) in enumerate(forms.items()):
            form.write(subject, folder)
            parity.add(name, form, folder)
            progress(i + 1, len(forms), name)
        np.save(folder / EXAMPLE, subject.example.numpy())
        for name, text in _texts(context, forms).items():
            (folder / name).write_text(text, encoding="utf-8")
        write_manifest(folder, name=target.name, formats=forms, subject=subject)
        parity.test()
        if context.config.export.measure:
            parity.measure(forms, folder, threads=context.setting.threads)
        (folder / "parity.json").write_text(json.dumps(parity.rows, indent=2) + "\n")
        card = card_data(context, candidate, tuned=tuned, parity=parity.rows, files=file_sizes(folder))
        (folder / "README.md").write_text(model_card(card), encoding="utf-8")
        write_manifest(folder, name=target.name, formats=forms, subject=subject, measured=parity.measured(forms))
    return list(forms)


def _texts(context: Context, formats: Collection[str]) -> dict[str, str]:
    """Return the text files that a user of the network needs: the task's own, preprocessing, licence notice.

    A network that tells classes or vectors of texts, or classes of their words, has a program beside it, where there is
    an ONNX file for it.
    """
    task, data = context.config.task.name, context.data
    program = _PROGRAMS.get(data.kind) if _READER in data.files and "onnx" in formats else None
    return {
        **data.files,
        **({} if program is None else {program.name: program.read_text(encoding="utf-8")}),
        "preprocessing.json": json.dumps(data.preprocessing(), indent=1) + "\n",
        "NOTICE": notice(
            task=task,
            licence=TASKS[task].licence,
            source=TASKS[task].source,
            checkpoint=None if context.pretrained is None else str(context.pretrained),
        ),
    }


def _copied(network: Network, *, simulate_precision: bool) -> Network:
    """Return a network of the same weights in the form that is deployed."""
    copy = Network(network.architecture, network.geometry, simulate_precision=simulate_precision)
    copy.load_state_dict(network.state_dict())
    return deployed(copy.eval())
