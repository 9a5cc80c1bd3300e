"""A training that was killed and continued is the uninterrupted one, bit for bit; anything else is refused."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from search_space.errors import CheckpointError, NasweaveError
from supernet.training import evaluate, load_trained, train
from supernet.training import loop as loop_module
from supernet.training.checkpoint import load_checkpoint
from supernet.training.curve import read_curve
from supernet.training.mixed_precision import bf16_problem
from tests.supernet.training.job import job

STEPS = 30
JOB = [sys.executable, "-m", "tests.supernet.training.job"]
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    train(*job(steps=STEPS), folder=folder)
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def interrupt(folder: Path, *, after: int) -> None:
    """Train in this process up to an exception after some steps."""

    def stop(done: int, total: int, text: str) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(*job(steps=STEPS), folder=folder, progress=stop)


def assert_same(folder: Path, finished: Path) -> None:
    assert (folder / "training.jsonl").read_bytes() == (finished / "training.jsonl").read_bytes()
    ours, theirs = (load_checkpoint(f / "checkpoint.safetensors") for f in (folder, finished))
    assert ours.step == theirs.step == STEPS and ours.tensors.keys() == theirs.tensors.keys()
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in theirs.tensors)
    assert (folder / "checkpoint.safetensors").read_bytes() == (finished / "checkpoint.safetensors").read_bytes()


def test_killed_and_continued_is_bit_identical(finished: Path, tmp_path: Path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    arguments = [*JOB, str(tmp_path), str(STEPS), "16"]
    killed = subprocess.run([*arguments, "17"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL and killed.stdout.split()[-1] == "17"
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").step == 14
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "15", "it continued, it did not start again"
    assert_same(tmp_path, finished)


@pytest.mark.parametrize("after", [3, 7, 29])
def test_interrupted_anywhere_is_bit_identical(finished: Path, tmp_path: Path, after: int):
    interrupt(tmp_path, after=after)
    train(*job(steps=STEPS), folder=tmp_path)
    assert_same(tmp_path, finished)


@pytest.mark.skipif(bf16_problem("cpu") is not None, reason="this processor has no instructions for bfloat16")
def test_interrupted_in_bfloat16_is_bit_identical(finished: Path, tmp_path: Path):
    space, data, config = job(steps=STEPS)
    config = replace(config, bf16=True)

    def stop(done: int, total: int, text: str) -> None:
        if done == 17:
            raise KeyboardInterrupt

    train(space, data, config, folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(space, data, config, folder=tmp_path / "parts", progress=stop)
    train(space, data, config, folder=tmp_path / "parts")
    assert_same(tmp_path / "parts", tmp_path / "whole")
    assert (tmp_path / "whole" / "training.jsonl").read_bytes() != (finished / "training.jsonl").read_bytes()


def test_a_finished_training_is_not_repeated(copy: Path, finished: Path):
    def fail(done: int, total: int, text: str) -> None:
        raise AssertionError("it trained again")

    space, data, config = job(steps=STEPS)
    again, loaded = train(space, data, config, folder=copy, progress=fail), load_trained(space, copy)
    averaged = load_checkpoint(copy / "checkpoint.safetensors").tensors
    for network in (again, loaded):
        assert not network.training and network.space is space
        for name, parameter in network.named_parameters():
            assert torch.equal(parameter, averaged[f"averaged/{name}"])
    assert_same(copy, finished)


def test_the_curve_says_what_happened(finished: Path):
    lines = [json.loads(line) for line in (finished / "training.jsonl").read_text().splitlines()]
    _, _, config = job(steps=STEPS)
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert [line["learning_rate"] for line in lines] == [config.learning_rate_at(step) for step in range(STEPS)]
    alone = round(config.teacher_phase * STEPS)
    assert 0 < alone < STEPS
    for i, line in enumerate(lines):
        others = 0.0 if i < alone else line["smallest"] + 2 * line["random"]
        assert line["loss"] == pytest.approx((line["largest"] + others) / (1 if i < alone else 4))
        assert (line["smallest"] is None) == (line["random"] is None) == (i < alone)
        assert line["gradient_norm"] > 0


def test_averaged_weights_are_the_recursion(tmp_path: Path):
    space, data, config = job(steps=4)
    weights, every = [], replace(config, checkpoint_every=1, ema_decay=0.15)

    def keep(done: int, total: int, text: str) -> None:
        tensors = load_checkpoint(tmp_path / "checkpoint.safetensors").tensors
        weights.append(tensors["weight/body.stem.project.weight"].double())

    result = train(space, data, every, folder=tmp_path, progress=keep)
    average = weights[0]
    for n, weight in enumerate(weights[1:], start=1):
        decay = min(0.15, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * weight
    torch.testing.assert_close(result.body.stem.project.weight.detach().double(), average, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 31), ("learning_rate", 1e-3), ("seed", 2), ("checkpoint_every", 8)]
)
def test_another_configuration_is_refused_by_name(copy: Path, name: str, value: float):
    space, data, config = job(steps=STEPS)
    with pytest.raises(CheckpointError, match=rf"training\.{name}: expected {value}, got .*another folder"):
        train(space, data, replace(config, **{name: value}), folder=copy)


def test_another_space_or_data_set_is_refused(copy: Path, make_space):
    space, data, config = job(steps=STEPS)
    with pytest.raises(CheckpointError, match=r"space\.fingerprint"):
        train(make_space(), data, config, folder=copy)
    with pytest.raises(CheckpointError, match=r"space\.fingerprint"):
        load_trained(make_space(), copy)
    with pytest.raises(CheckpointError, match="data_hash"):
        train(space, replace(data, data_hash="0" * 12), config, folder=copy)


def test_other_threads_continue_with_a_warning(tmp_path: Path, caplog, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    interrupt(tmp_path, after=8)
    with caplog.at_level("WARNING", "nasweave"):
        interrupt(tmp_path, after=9)
        assert not caplog.records, "the same conditions are no news"
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        interrupt(tmp_path, after=15)
    (record,) = caplog.records
    assert "trained with threads 1, continuing with threads 2" in record.getMessage()
    numerics = load_checkpoint(tmp_path / "checkpoint.safetensors").numerics
    assert numerics == {"torch": torch.__version__, "device": "cpu", "threads": 2, "processes": 1}


@pytest.mark.parametrize("damage", ["truncated", "empty", "bit", "step", "schema", "foreign", "no header"])
def test_a_damaged_checkpoint_is_refused(copy: Path, damage: str):
    path = copy / "checkpoint.safetensors"
    raw = bytearray(path.read_bytes())
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["nasweave"])
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    if damage in ("truncated", "empty"):
        path.write_bytes(raw[: len(raw) // 2] if damage == "truncated" else b"")
    elif damage == "bit":
        raw[-100] ^= 1
        path.write_bytes(raw)
    elif damage == "no header":
        save_file(tensors, path)
    else:
        change = {"step": {"step": 29}, "schema": {"schema": 99}, "foreign": {"format": "other"}}[damage]
        save_file(tensors, path, metadata={"nasweave": json.dumps({**header, **change})})
    before = path.read_bytes()
    space, data, config = job(steps=STEPS)
    for use in (lambda: train(space, data, config, folder=copy), lambda: load_trained(space, copy)):
        with pytest.raises(CheckpointError) as caught:
            use()
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_weights_of_other_shapes_are_refused(copy: Path, monkeypatch):
    space, _, _ = job(steps=STEPS)
    checkpoint = load_checkpoint(copy / "checkpoint.safetensors")
    tensors = {k: v[:3] if "stem.position" in k and v.ndim else v for k, v in checkpoint.tensors.items()}
    monkeypatch.setattr(loop_module, "load_checkpoint", lambda path: replace(checkpoint, tensors=tensors))
    with pytest.raises(CheckpointError, match=r"difference in body\.stem\.position"):
        load_trained(space, copy)


CURVES = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "gone": lambda whole: None,
    "empty": lambda whole: b"",
    "bytes": lambda whole: b"\xff\x00[" + whole,
    "nested": lambda whole: b"[" * 100_000 + whole,
    "other entries": lambda whole: b'[null]\n{"step": "x"}\n' + whole,
    "out of turn": lambda whole: b"".join(reversed(whole.splitlines(keepends=True))),
}


@pytest.mark.parametrize("damage", CURVES)
def test_a_damaged_curve_blocks_no_training_whose_checkpoint_is_whole(damage: str, finished, tmp_path, caplog):
    interrupt(tmp_path, after=15)
    curve = tmp_path / "training.jsonl"
    content = CURVES[damage](curve.read_bytes())
    curve.unlink() if content is None else curve.write_bytes(content)
    train(*job(steps=STEPS), folder=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == (finished / "checkpoint.safetensors").read_bytes()
    assert "of the 14 steps done: the curve will have a gap" in caplog.text
    steps = [step for step, _ in read_curve(curve)]
    assert steps[-16:] == list(range(15, 31)) and steps == sorted(set(steps)), "what is written later is whole"


def test_an_unfinished_or_missing_training_is_not_loaded(tmp_path: Path):
    space, _, _ = job(steps=STEPS)
    with pytest.raises(CheckpointError, match="no file; train first"):
        load_trained(space, tmp_path)
    interrupt(tmp_path, after=8)
    with pytest.raises(CheckpointError, match="30 steps, got 7 steps; finish the training"):
        load_trained(space, tmp_path)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tmp_path: Path):
    space, data, config = job(steps=STEPS)
    interrupt(tmp_path, after=16)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    class Broken(type(data)):
        def augment(self, inputs, generator):
            calls.append(None)
            return inputs * float("nan") if len(calls) == 5 else inputs

    calls = []
    broken = Broken(**{f.name: getattr(data, f.name) for f in fields(data)})
    with pytest.raises(NasweaveError, match=r"training: expected a finite loss .*nan.* in step 19; lower") as caught:
        train(space, broken, config, folder=tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch):
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("supernet.training.checkpoint.write_atomically", full)
    with pytest.raises(CheckpointError, match="No space left on device; free some space"):
        train(*job(steps=STEPS), folder=tmp_path)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CheckpointError, match=r"training\.jsonl: expected to write it, got (Not a directory|File exists)"
    ):
        train(*job(steps=STEPS), folder=tmp_path / "file" / "below")


def test_a_full_disk_under_the_curve_is_one_clear_line(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(CheckpointError, match=r"training\.jsonl: expected to write it, got .*; free some space"):
            train(*job(steps=STEPS), folder=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_training_learns(tmp_path: Path):
    space, data, config = job(steps=150)
    result = train(space, data, replace(config, batch_size=32, precision_phase=0.2), folder=tmp_path)
    assert evaluate(result, data=data, split=data.validation, architecture=space.largest) < 55
