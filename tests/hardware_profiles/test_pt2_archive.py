"""A program of unknown origin: tensors and operators are opened, anything that PyTorch would run is not."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hardware_profiles.portable.exported_folder import FolderError
from hardware_profiles.portable.pt2_archive import load_program

WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
MODEL, EXAMPLES = "models/model.json", "data/sample_inputs/model.pt"
Change = Callable[[dict[str, bytes], Path], None]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Unflatten(1, (2, 3)), nn.LayerNorm(3)).eval()


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """Return a file as PyTorch itself writes it: with its example inputs as a pickle."""
    path = tmp_path_factory.mktemp("pt2") / "model.pt2"
    batch = torch.export.Dim("batch", min=1)
    torch.export.save(torch.export.export(network, (torch.ones(2, 4),), dynamic_shapes=({0: batch},)), path)
    return path


class Touch:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def rewritten(saved: Path, folder: Path, change: Change, *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(saved) as archive:
        members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(members, folder / "touched")
    with zipfile.ZipFile(folder / "model.pt2", "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"model/{name}", content)
    return folder / "model.pt2"


def edited(name: str, edit: Callable[[Any], None]) -> Change:
    def change(members: dict[str, bytes], touched: Path) -> None:
        content = json.loads(members[name])
        edit(content)
        members[name] = json.dumps(content).replace("TOUCHED", str(touched)).encode()

    return change


def graph(content: Any) -> Any:
    return content["graph_module"]["graph"]


def pickled(name: str) -> Change:
    def change(members: dict[str, bytes], touched: Path) -> None:
        members[name] = pickle.dumps(Touch(touched))

    return change


def pickled_examples(protocol: int) -> Change:
    """Return a change to sample inputs in PyTorch's own form, a tensor and what runs."""

    def change(members: dict[str, bytes], touched: Path) -> None:
        content = io.BytesIO()
        torch.save([torch.ones(2), Touch(touched)], content, pickle_protocol=protocol)
        members[EXAMPLES] = content.getvalue()

    return change


def pickled_weight(members: dict[str, bytes], touched: Path) -> None:
    members["data/weights/weight_0"] = pickle.dumps(Touch(touched))
    edited(WEIGHTS, lambda content: next(iter(content["config"].values())).update(use_pickle=True))(members, touched)


def constant(path_name: str, *, use_pickle: bool = True) -> Change:
    def change(members: dict[str, bytes], touched: Path) -> None:
        members[f"data/constants/{path_name}"] = pickle.dumps(Touch(touched))
        entry = {"path_name": path_name, "is_param": False, "use_pickle": use_pickle, "tensor_meta": None}
        edited(CONSTANTS, lambda content: content["config"].update(c=entry))(members, touched)

    return change


def expression(text: str) -> Change:
    def edit(content: Any) -> None:
        found = [v["as_expr"] for v in sizes(graph(content)) if "as_expr" in v]
        assert found
        for size in found:
            size["expr_str"] = text

    return edited(MODEL, edit)


def sizes(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, dict):
        own = part.get("sizes", []) if isinstance(part.get("sizes"), list) else []
        return [*own, *(size for value in part.values() for size in sizes(value))]
    return [size for value in part for size in sizes(value)] if isinstance(part, list) else []


def spec(text: str) -> Change:
    def edit(content: Any) -> None:
        content["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = text

    return edited(MODEL, edit)


CODE = "__import__('pathlib').Path('TOUCHED').touch()"
ENUM = json.dumps({"__enum__": True, "fqn": "this:X", "name": "y"})


@pytest.mark.parametrize(
    "change",
    [
        pickled(EXAMPLES),
        pickled_examples(2),  # names are fetched by GLOBAL
        pickled_examples(4),  # and here by STACK_GLOBAL
        pickled_weight,
        constant("tensor_0"),
        constant("custom_obj_0"),
        constant("opaque_obj_0"),
        constant("opaque_obj_1", use_pickle=False),
        pickled("data/weights/model.pt"),
        pickled("data/constants/model.pt"),
        pickled("data/aotinductor/model/code.so"),
        pickled("extra/anything.pkl"),
        expression(CODE),
        expression("Symbol('s0').func.__class__"),
        expression("open('TOUCHED', 'w')"),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(target="torch.os.system")),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(target="torch.ops.aten.from_file.default")),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(target="torch.ops.aten.save.default")),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(target="torch.load")),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(target="torch.ops.load_library")),
        edited(MODEL, lambda c: graph(c)["nodes"][0].update(name=f"x = {CODE}")),
        edited(MODEL, lambda c: graph(c)["nodes"][0]["inputs"][0].update(name=f"x={CODE}, y")),
        edited(MODEL, lambda c: graph(c)["tensor_values"].update({CODE: {}})),
        edited(MODEL, lambda c: graph(c)["custom_obj_values"].update(a={"name": "a", "class_fqn": "os.system"})),
        spec(json.dumps([1, {"type": "collections.OrderedDict", "context": ENUM, "children_spec": []}])),
        spec(json.dumps([1, {"type": "builtins.dict", "context": f"[{ENUM}]", "children_spec": []}])),
        lambda members, touched: members.update({MODEL: b"[" * 100_000}),
        lambda members, touched: members.update({WEIGHTS: b"{}"}),
        lambda members, touched: members.update({"archive_version": b"\xff\xfe"}),
        lambda members, touched: members.pop(MODEL),
    ],
)
def test_what_would_run_is_refused_in_one_line(saved, tmp_path, change):
    path = rewritten(saved, tmp_path, change)
    with pytest.raises(FolderError, match="expected a program of tensors and operators alone") as caught:
        load_program(path)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 1000
    assert not (tmp_path / "touched").exists()


def test_guards_are_not_run(saved, tmp_path):
    def edit(content: Any) -> None:
        content["guards_code"] = [CODE]
        graph(content)["nodes"][0]["metadata"]["stack_trace"] = CODE

    path = rewritten(saved, tmp_path, edited(MODEL, edit))
    assert load_program(path)(torch.ones(3, 4)).shape == (3, 2, 3)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_member_that_grows_when_it_is_read_is_refused(saved, tmp_path, compression):
    def bomb(members: dict[str, bytes], touched: Path) -> None:
        members["data/weights/weight_0"] = bytes(10_000_000)

    path = rewritten(saved, tmp_path, bomb, compression=compression)
    with pytest.raises(FolderError, match="compressed"):
        load_program(path)


def test_a_member_that_is_there_twice_is_refused(saved, tmp_path):
    path = rewritten(saved, tmp_path, lambda members, touched: None)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"model/{EXAMPLES}", pickle.dumps(Touch(tmp_path / "touched")))
    with pytest.raises(FolderError, match="same name"):
        load_program(path)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", bytes(range(100))], ids=["empty", "only an end", "noise"])
def test_what_is_no_archive_is_one_line(tmp_path, content):
    (tmp_path / "model.pt2").write_bytes(content)
    with pytest.raises(FolderError, match="expected a program"):
        load_program(tmp_path / "model.pt2")


@pytest.mark.parametrize("noted", [False, True], ids=["plain", "with a note of the example"])
def test_a_program_as_pytorch_writes_it_computes_the_same_and_nothing_is_unpickled(
    network, saved, noted, tmp_path, monkeypatch
):
    if noted:
        example = torch.ones(2, 4)
        example.note = 3  # a tensor with attributes is pickled by another function
        saved = tmp_path / "model.pt2"
        torch.export.save(torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("n")},)), saved)

    def refused(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refused)
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(load_program(saved)(inputs), network(inputs))
