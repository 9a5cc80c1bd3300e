"""A network's folder with every format, and copies of it to change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hardware_profiles.portable.exported_folder import EXAMPLE
from runs.export import FORMATS, ParityReport, write_manifest
from supernet.tasks import TASKS
from tests.once import once
from tests.runs.export.every_format import ALL, subject_of


@pytest.fixture(scope="module")
def subject(space):
    return subject_of(space, "w8a8")


@pytest.fixture(scope="session")
def written(space, tmp_path_factory, worker_id):
    """Return a folder with every format of a w8a8 network, and what parity.json would say of it."""

    def make(place: Path) -> None:
        subject, folder = subject_of(space, "w8a8"), place / "k"
        folder.mkdir()
        forms = {name: FORMATS[name]() for name in ALL}
        parity_report = ParityReport(subject, TASKS["digits"].load(), right=subject.simulated, source="the network")
        for name, form in forms.items():
            form.write(subject, folder)
            parity_report.add(name, form, folder)
        np.save(folder / EXAMPLE, subject.example.numpy())
        write_manifest(folder, name="k", formats=forms, subject=subject)
        parity_report.test()
        parity_report.measure({"onnx": forms["onnx"]}, folder, threads=1)
        (place / "rows.json").write_text(json.dumps(parity_report.rows))

    place = once(tmp_path_factory, worker_id, "export_in_every_format", make)
    return place / "k", json.loads((place / "rows.json").read_text())


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written[0], tmp_path / "k"))
