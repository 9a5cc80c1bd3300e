"""Several labels of an example: read from cells, columns and lists, split evenly, trained and judged label by label."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MaxAbsScaler

from runs.evaluation.references import simple_models
from runs.evaluation.references.inputs import counts
from runs.export.classify import Classifier
from search_space.errors import ConfigError, DataError
from supernet.metrics import METRICS
from supernet.tasks import TASKS, Aim, TaskData, aimed
from supernet.tasks._stratifying import labels_aside, stratified_parts
from tests.supernet.tasks.samples import labelled_series, texts, write_npz, write_pictures, write_ts

NAMES = ("alpha", "beta", "rare")


def rows(n: int = 90) -> list[tuple[str, tuple[str, ...]]]:
    """Return texts of which a word tells one label, a third has none and three have a rare one."""
    found = []
    for i, (text, _) in enumerate(texts(n)):
        some = {0: (), 1: ("alpha",), 2: ("alpha", "beta")}[i % 3] + (("rare",) if i in (5, 40, 80) else ())
        found.append((f"{'loud ' if some else ''}{text}", tuple(sorted(some))))
    return found


def write_cells(path: Path) -> Path:
    path.write_text("text,label\n" + "".join(f"{text},{' | '.join(some)}\n" for text, some in rows()))
    return path


def load(path: Path, *, task: str = "text", **options: object) -> TaskData:
    own = {"vocabulary": 280} if task == "text" else {}
    return TASKS[task].load(options={"path": str(path), "predict": "labels", **own, **options})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> TaskData:
    return load(write_cells(tmp_path_factory.mktemp("several") / "a.csv"))


def test_cells_columns_and_lists_say_the_same(data, tmp_path):
    columns, lists = tmp_path / "b.csv", tmp_path / "c.jsonl"
    lines = (f"{text},{','.join(str(int(name in some)) for name in NAMES)}\n" for text, some in rows())
    columns.write_text(f"text,{','.join(NAMES)}\n" + "".join(lines))
    lists.write_text("".join(json.dumps({"text": text, "label": some}) + "\n" for text, some in rows()))
    names = {"text": [text for text, _ in rows()], "label": [list(some) for _, some in rows()], "more": [["x"]] * 90}
    pq.write_table(pa.table(names), tmp_path / "e.parquet")
    for other in (load(columns, label="alpha,beta,rare"), load(lists), load(tmp_path / "e.parquet")):
        assert other.data_hash == data.data_hash and other.labels == NAMES
    assert data.summary.facts["labels"].startswith("3, with training examples: alpha ")
    assert "0 to 3" in data.summary.facts["labels of an example"]
    assert any("rare" in note and "less than 10 training examples" in note for note in data.summary.notes)
    table = tmp_path / "d.csv"
    table.write_text("size,label\n" + "".join(f"{i % 7},{'|'.join(some)}\n" for i, (_, some) in enumerate(rows())))
    assert TASKS["table"].load(options={"path": str(table), "predict": "labels"}).labels == NAMES
    pq.write_table(pa.table({**names, "size": [i % 7 for i in range(90)]}), tmp_path / "f.parquet")
    told = TASKS["table"].load(options={"path": str(tmp_path / "f.parquet"), "predict": "labels", "ignore": "text"})
    assert told.labels == NAMES and "more" in str(told.summary.notes), "other lists are no features"


def test_each_split_has_its_share_of_every_label(data):
    has = np.array([[name in some for name in NAMES] for _, some in rows()])
    part = stratified_parts(has, [0.5, 0.3, 0.2])
    shares = [has[part == i].sum(0) / has.sum(0) for i in range(3)]
    assert np.abs(np.array(shares)[:, :2].T - [0.5, 0.3, 0.2]).max() < 0.06
    assert np.bincount(part) == pytest.approx([45, 27, 18], abs=2)
    alone = np.zeros((20, 1), dtype=np.bool_)
    alone[7] = True
    rest, taken = labels_aside(alone, share=0.1)
    assert 7 in rest and len(taken) == 2 and sorted([*rest, *taken]) == list(range(20))
    assert data.train.targets[:, 2].sum() > 0
    folds = [aimed(data, Aim(folds=3, fold=fold)).validation.targets.sum(0) for fold in range(3)]
    assert torch.stack(folds).sum(0)[:2].tolist() == [
        int(data.train.targets[:, k].sum() + data.validation.targets[:, k].sum()) for k in (0, 1)
    ]
    assert "stratified by label" in data.summary.facts["examples"]


def test_the_loss_is_the_cross_entropy_of_each_label(data):
    generator = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(5, 3, generator=generator), torch.randint(0, 2, (5, 3), generator=generator)
    weighed = aimed(data, Aim(class_weights="balanced"))
    has = data.train.targets.double().mean(0).tolist()
    for task, weights in ((data, [1.0] * 3), (weighed, [(1 - share) / share for share in has])):
        by_hand = [
            sum(
                -weights[k] * math.log(1 / (1 + math.exp(-x))) if y else -math.log(1 - 1 / (1 + math.exp(-x)))
                for k, (x, y) in enumerate(zip(xs, ys, strict=True))
            )
            / 3
            for xs, ys in zip(outputs.tolist(), targets.tolist(), strict=True)
        ]
        assert task.loss(outputs, targets, reduction="none").tolist() == pytest.approx(by_hand, rel=1e-5)
        assert task.loss(outputs, targets).item() == pytest.approx(np.mean(by_hand), rel=1e-5)
    assert weighed.data_hash != data.data_hash
    assert data.soft_loss(outputs, outputs, targets).item() == pytest.approx(0, abs=1e-6)
    assert data.soft_loss(outputs, outputs + 1, targets).item() > 0.01
    with pytest.raises(ConfigError, match=r"task\.sampling: expected null, for this task has several labels"):
        aimed(data, Aim(sampling="balanced"))


def test_the_simple_model_is_a_logistic_regression_of_each_label(data):
    found = simple_models(aimed(data, Aim(metric="log_loss")))
    all_rows = torch.arange(len(data.train))
    scale = MaxAbsScaler().fit(counts(data, data.train, all_rows))
    x, seen = scale.transform(counts(data, data.train, all_rows)), torch.arange(len(data.validation))
    unseen = scale.transform(counts(data, data.validation, seen))
    losses = []
    for k in range(3):
        model = LogisticRegression(tol=1e-3).fit(x, data.train.targets[:, k])
        p = model.predict_proba(unseen)[np.arange(len(seen)), data.validation.targets[:, k].long()]
        losses.append(-np.log(p).mean())
    assert found[0].validation_error == pytest.approx(np.mean(losses), rel=1e-6)
    assert found[0].name == "logistic regression of each label on counts"
    assert [model.name for model in found[1:]] == ["share of each label"]


def test_pictures_and_series_may_have_several_labels(tmp_path):
    names = np.array(["dark", "wide"])
    y = np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0], axis=1).astype(np.uint8)
    pictures = TASKS["npz"].load(
        options={
            "path": str(write_npz(tmp_path / "a.npz", y_train=y, y_test=y[:20], labels=names)),
            "predict": "labels",
        }
    )
    assert pictures.labels == ("dark", "wide") and torch.equal(pictures.test.targets, torch.from_numpy(y[:20]))
    folder = write_pictures(tmp_path / "seen", n=20)
    files = [f"train/{kind}/{i}.png" for kind in ("cat", "dog") for i in range(20)]
    labels = ["cat;striped" if "cat" in file else "striped" if i % 2 else "" for i, file in enumerate(files)]
    lines = [f"{file},{label}" for file, label in zip(files, labels, strict=True)]
    (tmp_path / "told.csv").write_text("\n".join(["file,label", *lines]) + "\n")
    options = {"path": str(folder), "labels_path": str(tmp_path / "told.csv"), "image_size": 8, "predict": "labels"}
    seen = TASKS["image_folder"].load(options={**options, "label_separator": ";"})
    assert seen.labels == ("cat", "striped") and sum(map(len, (seen.train, seen.validation, seen.test))) == 40
    assert "does not name it" not in str(seen.summary)
    (tmp_path / "less.csv").write_text("\n".join(["file,label", *lines[2:]]) + "\n")
    less = TASKS["image_folder"].load(
        options={**options, "labels_path": str(tmp_path / "less.csv"), "label_separator": ";"}
    )
    assert "left out, for less.csv does not name it: 2 pictures" in less.summary.notes
    with pytest.raises(DataError, match=r"'\.\./told\.csv', which is none of its files"):
        (tmp_path / "told.csv").write_text("\n".join(["file,label", *lines, "../told.csv,cat"]) + "\n")
        TASKS["image_folder"].load(options={**options, "label_separator": ";"})
    (tmp_path / "told.csv").write_text("\n".join(["file,label", *lines, f"{files[7]},striped"]) + "\n")
    with pytest.raises(DataError, match=r"expected each picture in one row, got 'train/cat/7\.png' in 2; put all"):
        TASKS["image_folder"].load(options={**options, "label_separator": ";"})
    whole = TASKS["image_folder"].load(options={**options, "label_separator": ";", "groups": "file"})
    assert sum(map(len, (whole.train, whole.validation, whole.test))) == 41
    with pytest.raises(ConfigError, match=r"task\.options\.predict: expected none where the folders"):
        TASKS["image_folder"].load(options={"path": str(folder), "predict": "labels"})
    waves = [(x, f"{label}|noisy" if i % 3 else label) for i, (x, label) in enumerate(labelled_series(40))]
    path = write_ts(tmp_path / "waves.ts", waves, head="@problemName waves")
    series = TASKS["labelled_series"].load(options={"path": str(path), "predict": "labels"})
    assert series.labels == ("noisy", "wave 0", "wave 1")


def test_lists_that_would_be_parted_or_left_out_are_refused(tmp_path):
    pq.write_table(pa.table({"text": ["x", "y"], "label": [["a|b"], ["c"]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column label: expected labels without '\|', which parts them, got 'a\|b'"):
        load(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"text": "x", "a": ["c"], "b": 1}\n')
    with pytest.raises(DataError, match=r"line 1, a: expected one text or number, got a list"):
        load(tmp_path / "a.jsonl", label="a,b")


def test_another_separator_is_told(tmp_path):
    rows = "".join(f"text {i},{'a;b' if i % 2 else 'c'}\n" for i in range(40))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    told = "no example has two labels, but some labels hold ';': task.options.label_separator is what parts them"
    assert told in load(tmp_path / "a.csv").summary.notes
    parted = load(tmp_path / "a.csv", label_separator=";")
    assert told not in parted.summary.notes and parted.labels == ("a", "b", "c")


@pytest.mark.parametrize(
    "content, options, message",
    [
        ("text,a,b\nx,1,0\ny,2,1\n", {"label": "a,b"}, r"line 3, column a: expected 0 or 1, .* got '2'"),
        ("text,label\n" + "x,\n" * 30, {}, "got none with a label"),
        ("text,label\n" + "x,a\n" * 30, {}, "got all or none with 'a'"),
        ("text,label\nx,a\n", {"label_separator": " "}, "expected a sign that is no space"),
        ("text,label\nx,a\n", {"label": "a,b"}, "expected columns text, a, b"),
        (
            "size,a,b\n1,1,0\n",
            {"task": "table", "label": "a,b", "categories": "b"},
            "task.options.label: expected a col",
        ),
    ],
)
def test_labels_that_cannot_be_read_are_refused(tmp_path, content, options, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises((ConfigError, DataError), match=message):
        load(tmp_path / "a.csv", **options)


def test_metrics_of_labels_refuse_what_they_say_nothing_of():
    nothing = torch.zeros(6, 3, dtype=torch.uint8)
    for name in ("macro_f1", "micro_f1", "mean_average_precision"):
        assert METRICS[name].unfit(nothing, 3) == "has no example with a label"
    assert METRICS["auroc"].unfit(nothing + 1, 3) == "has no label that some examples have and others have not"


def test_the_program_beside_an_exported_network_tells_all_likely_labels(data, tmp_path):
    """A network of one table, whose scores are sums over pieces, is what the numbers are computed with by hand."""
    length = data.shape.seq_len
    table = torch.randn(data.shape.vocab_size, 3, generator=torch.Generator().manual_seed(0))
    nodes = [
        onnx.helper.make_node("Gather", ["table", "ids"], ["rows"]),
        onnx.helper.make_node("ReduceSum", ["rows", "axis"], ["scores"], keepdims=0),
    ]
    given = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["batch", length])
    told = onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", 3])
    constants = [onnx.numpy_helper.from_array(v, n) for v, n in ((table.numpy(), "table"), (np.array([1]), "axis"))]
    graph = onnx.helper.make_graph(nodes, "sums", [given], [told], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "preprocessing.json").write_text(json.dumps(data.preprocessing()))
    for name, content in data.files.items():
        (tmp_path / name).write_text(content)
    lines = [data.summary.examples[0].text, data.summary.examples[1].text]
    classifier = Classifier(tmp_path)
    expected = torch.sigmoid(table[torch.from_numpy(classifier.ids(lines))].sum(1))
    assert classifier.probabilities(lines) == pytest.approx(expected.numpy(), rel=1e-5)
    for found, shares in zip(classifier(lines), expected.tolist(), strict=True):
        assert dict(found) == pytest.approx({n: p for n, p in zip(NAMES, shares, strict=True) if p > 0.5}, rel=1e-5)
