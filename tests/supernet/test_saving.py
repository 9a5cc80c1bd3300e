"""A network comes back from its files as it was; damaged or foreign files are refused in one line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from search_space.errors import CheckpointError, reason_of
from supernet import Network
from supernet.elastic import reset_parameters
from supernet.saving import CONFIG, WEIGHTS, load_network, save_network


@pytest.fixture
def network(make_space) -> Network:
    space = make_space(
        mixer=["retention"], channel_mixer=["gated_mlp"], precision=["w8a8"], options={"retention": {"chunk": 4}}
    )
    made = Network(space.largest, space.geometry)
    reset_parameters(made, torch.Generator().manual_seed(0))
    return made.eval()


@pytest.fixture
def saved(network: Network, tmp_path: Path) -> Path:
    save_network(network, tmp_path)
    return tmp_path


@pytest.mark.parametrize("simulate", [True, False])
def test_a_network_comes_back(saved: Path, network: Network, simulate: bool):
    loaded = load_network(saved, simulate_precision=simulate)
    assert loaded.architecture == network.architecture and loaded.geometry == network.geometry
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), network.parameters(), strict=True))
    batch = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(loaded(batch), network(batch)) == simulate


def edit(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def edit_geometry(folder: Path, **changes: object) -> None:
    geometry = json.loads((folder / CONFIG).read_text())["geometry"]
    edit(folder, geometry={**geometry, **changes})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def cut_and_rehash(folder: Path) -> None:
    cut(folder / WEIGHTS)
    edit(folder, weights_sha256=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())


DAMAGES = {
    "no configuration": (lambda f: (f / CONFIG).unlink(), "No such file"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "No such file"),
    "configuration cut": (lambda f: cut(f / CONFIG), "an exported network"),
    "configuration empty": (lambda f: (f / CONFIG).write_text(""), "an exported network"),
    "configuration of bytes": (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe{"), "an exported network"),
    "configuration a list": (lambda f: (f / CONFIG).write_text("[]"), "an exported network"),
    "weights cut": (lambda f: cut(f / WEIGHTS), "another hash"),
    "weights empty": (lambda f: (f / WEIGHTS).write_bytes(b""), "another hash"),
    "weights changed": (lambda f: flip(f / WEIGHTS), "another hash"),
    "weights cut, hash forged": (cut_and_rehash, "an exported network"),
    "hash changed": (lambda f: edit(f, weights_sha256="0" * 64), "another hash"),
    "another schema": (lambda f: edit(f, schema=99), "schema 1, got 'nasweave.network' 99"),
    "another format": (lambda f: edit(f, format="other"), "got 'other' 1"),
    "architecture missing": (lambda f: edit(f, architecture=None), "architecture"),
    "geometry missing": (lambda f: edit(f, geometry=None), "an exported network"),
    "geometry of other sizes": (lambda f: edit_geometry(f, head_dim=16), "an exported network"),
    "geometry of a key too many": (lambda f: edit_geometry(f, colour="red"), "an exported network"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(saved: Path, damage: str):
    do, words = DAMAGES[damage]
    do(saved)
    with pytest.raises(CheckpointError) as caught:
        load_network(saved)
    assert words in str(caught.value) and str(saved) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="No such file"):
        load_network(tmp_path / "nowhere")


def test_a_missing_block_is_refused(saved: Path):
    text = (saved / CONFIG).read_text()
    (saved / CONFIG).write_text(text.replace('"retention"', '"vanished"'))
    with pytest.raises(CheckpointError, match=r"mixer: expected one of .*, got 'vanished'") as caught:
        load_network(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError(), "ValueError"),
        (ValueError("\n a\nb"), "a"),
        (OSError(2, "No such file"), "[Errno 2] No such file"),
    ],
)
def test_a_reason_is_one_line_even_without_a_message(error: Exception, reason: str):
    assert reason_of(error) == reason
