"""A small network to write in every format, and the script of its folder as a process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import torch

from hardware_profiles.portable.exported_folder import SCRIPT, fresh_command
from runs.export import Subject
from search_space import Architecture, Layer, SearchSpace
from supernet import Network
from supernet.calibration import calibrate
from supernet.elastic import reset_parameters
from supernet.tasks import TASKS

ALL = ("onnx", "onnx_fp32", "openvino", "pt2", "python", "safetensors")


def subject_of(space: SearchSpace, precision: str) -> Subject:
    layer = Layer(
        mixer="softmax",
        num_heads=2,
        channel_mixer="mlp",
        ratio=2.0,
        mixer_precision="float",
        channel_precision=precision,
    )
    architecture = Architecture(embed_dim=32, layers=(layer,))
    networks = [Network(architecture, space.geometry, simulate_precision=simulate) for simulate in (True, False)]
    reset_parameters(networks[0], torch.Generator().manual_seed(0))
    data = TASKS["digits"].load()
    networks[1].load_state_dict(calibrate(networks[0], data).state_dict())
    example = data.validation.inputs[:1]
    return Subject(simulated=networks[0].eval(), in_float=networks[1].eval(), example=example)


def run_script(folder: Path, arguments: list[str], *, path: list[str]) -> subprocess.CompletedProcess[str]:
    command = fresh_command(folder / SCRIPT, arguments, path=path)
    return subprocess.run(command, capture_output=True, text=True, cwd=folder.parent)
