"""What every task must keep: splits that do not overlap, inputs that fit the stem, losses and errors that mean it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space import BlockShape
from search_space.errors import ConfigError, DataError
from supernet.catalogue import HEADS, STEMS
from supernet.tasks import TASKS, TaskData
from supernet.tokenizers.byte_pairs import Vocabulary
from tests.supernet.tasks.samples import sample, write_fashion_mnist


@pytest.fixture(scope="module", params=list(TASKS))
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    root = tmp_path_factory.mktemp("data")
    return TASKS[request.param].load(options=sample(request.param, root), data_root=root)


def splits(data: TaskData):
    return data.train, data.validation, data.test


def test_inputs_fit_the_shape_and_the_stem(data):
    vocabulary = data.shape.vocab_size
    for split in splits(data):
        all_inputs = split.inputs
        assert all_inputs.dtype == (torch.int64 if vocabulary else torch.float32)
        assert all_inputs.shape == (len(split), *data.shape.input_shape)
        inputs, targets = split.batch(torch.tensor([3, 1]))
        assert torch.equal(inputs, all_inputs[[3, 1]]) and torch.equal(targets, split.targets[[3, 1]].to(targets.dtype))
        assert targets.dtype in (torch.int64, torch.float32)
        if vocabulary:
            assert all_inputs.min() >= 0 and all_inputs.max() < vocabulary
    block = BlockShape(task=data.shape, embed_dim=8, head_dim=8)
    assert not STEMS[data.shape.stem].spec.check(block) and not HEADS[data.shape.head].spec.check(block)
    stem, head = STEMS[data.shape.stem](block), HEADS[data.shape.head](block)
    x = stem(data.train.inputs[:2], embed_dim=8)
    assert x.shape == (2, data.shape.seq_len, 8)
    outputs, (_, targets) = head(x), data.train.batch(slice(0, 2))
    if data.measure.errors is not None:
        assert len(data.measure.errors(*data.judged(outputs, targets))) == 2
    else:
        assert np.isfinite(data.error(torch.zeros_like(outputs), targets))
    assert data.loss(outputs, targets, reduction="none").shape == (2,)
    assert data.loss(outputs, targets).shape == data.soft_loss(outputs, outputs, targets).shape == ()


def test_what_the_error_is_called_and_how_it_reads(data):
    assert (data.metric.name, data.metric.unit) in [
        ("accuracy", "%"),
        ("bits per byte", "bits/byte"),
        ("entity F1", "%"),
        ("mean squared error", ""),
        ("recall@10", "%"),
    ]
    assert data.metric.error_scale == (100 if data.metric.is_share else 1)
    expected = {"%": "97.50 %", "bits/byte": "2.5 bits/byte", "": "2.5"}
    assert data.metric.text(2.5) == expected[data.metric.unit]


def test_pictures_and_series_are_normalised_and_no_example_is_in_two_splits(data):
    if not data.shape.vocab_size:
        inputs = data.train.inputs[:, : data.shape.categories.index(5)] if data.shape.categories else data.train.inputs
        limit = 2e-2 if data.shape.stem == "series" else 1e-4  # windows of a series overlap: its ends count less
        assert inputs.mean().abs() < limit and abs(inputs.std() - 1) < 1e-2
    seen = [{x.numpy().tobytes() for x in split.stored} for split in splits(data)]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])


def test_preprocessing_makes_the_inputs_of_raw_data(data):
    """What an engineer reads in preprocessing.json, carried out with numpy, gives what the network was trained on."""
    told = json.loads(json.dumps(data.preprocessing()))
    assert told["input"]["shape"] == ["batch", *data.shape.input_shape] and told["output"]["shape"][0] == "batch"
    inputs, _ = data.test.batch(slice(0, 3))
    assert str(inputs.dtype) == f"torch.{told['input']['dtype']}"
    steps = {step["do"]: step for step in told["steps"]}
    if data.shape.stem == "patch":
        x = data.test.stored[:3].numpy()
        if "pad" in steps:
            side = (steps["pad"]["before"], steps["pad"]["after"])
            x = np.pad(x, ((0, 0), (0, 0), side, side), constant_values=steps["pad"]["value"])
        offset, scale = (np.array(steps["standardise"][name])[:, None, None] for name in ("offset", "scale"))
        np.testing.assert_allclose((x - offset) * scale, inputs.numpy(), rtol=1e-4, atol=1e-5)
    elif data.shape.stem in ("series", "series_patch"):
        offset, scale = (np.array(steps["standardise"][name]) for name in ("offset", "scale"))
        names = steps["arrange"].get("variates") or steps["arrange"]["channels"]
        assert len(offset) == len(scale) == len(names) == data.shape.input_shape[1]
        assert (scale > 0).all() and np.isfinite(inputs.numpy() / scale + offset).all()
    elif data.shape.stem == "columns":
        assert {steps["encode"][name] for name in ("columns", "reader")} == {"columns.json", "encoder.py"} & set(
            data.files
        )
    else:
        assert {"encode", "pad"} <= set(steps) or {"encode", "cut"} <= set(steps)
        length = steps.get("pad", steps.get("cut"))["length"]
        assert length == data.shape.seq_len
        named = {steps["encode"][name] for name in ("vocabulary", "reader") if name in steps["encode"]}
        assert named == {"vocabulary.json", "tokenizer.json", "tokenizer.py"} & set(data.files)


def test_the_stored_tokenizer_needs_python_alone(data, tmp_path):
    if "vocabulary.json" not in data.files:
        pytest.skip("no pieces of words that were learned here")
    for name in ("tokenizer.py", "vocabulary.json"):
        (tmp_path / name).write_text(data.files[name])
    text = "Play the SONG, naïve!"
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r}); from tokenizer import Vocabulary; "
        f"print(Vocabulary.from_json(open({str(tmp_path / 'vocabulary.json')!r}).read()).encode({text!r}))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert json.loads(done.stdout) == Vocabulary.from_json(data.files["vocabulary.json"]).encode(text), done.stderr


def test_losses_against_their_definitions(data):
    if data.kind != "classes":
        pytest.skip("tested beside the task")
    generator = torch.Generator().manual_seed(0)
    targets = data.train.targets[:6]
    outputs = torch.randn(6, data.shape.num_outputs, generator=generator, dtype=torch.float64)
    teacher = torch.randn(6, data.shape.num_outputs, generator=generator, dtype=torch.float64)
    p, q = teacher.exp() / teacher.exp().sum(1, keepdim=True), outputs.exp() / outputs.exp().sum(1, keepdim=True)
    labels = -q[torch.arange(6), targets].log()
    torch.testing.assert_close(data.loss(outputs, targets, reduction="none"), labels)
    torch.testing.assert_close(data.loss(outputs, targets), labels.mean())
    smooth = 0.9 * labels - 0.1 * q.log().mean(1)
    torch.testing.assert_close(data.loss(outputs, targets, label_smoothing=0.1), smooth.mean())
    torch.testing.assert_close(data.soft_loss(outputs, teacher, targets), (p * (p / q).log()).sum(1).mean())
    perfect = torch.nn.functional.one_hot(targets, data.shape.num_outputs).double()
    assert data.measure.errors(perfect, targets).tolist() == [0.0] * 6
    assert data.measure.errors(-perfect, targets).tolist() == [1.0] * 6


def test_augmentation_follows_its_generator_and_keeps_shapes(data):
    inputs = data.train.inputs[:16]
    a, b, c = (data.augment(inputs, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert a.shape == inputs.shape and torch.equal(a, b)
    varied = data.augmentation is not None
    assert torch.equal(a, c) != varied


def test_loading_again_gives_the_same_data(data, tmp_path):
    assert len(data.data_hash) == 12 and int(data.data_hash, 16) >= 0
    if data.shape.input_shape == (1, 8, 8):
        again = TASKS["digits"].load()
        assert again.data_hash == data.data_hash
        assert all(torch.equal(x.stored, y.stored) for x, y in zip(splits(data), splits(again), strict=True))
        assert TASKS["digits"].load(options={"patch_size": 4}).data_hash != data.data_hash


@pytest.mark.parametrize("task", list(TASKS))
def test_unknown_and_mistyped_options_are_refused(task, tmp_path):
    name, option = next(iter(TASKS[task].options.items()))
    with pytest.raises(ConfigError, match=rf"^task\.options\.colour: expected one of .*{name}"):
        TASKS[task].load(data_root=tmp_path, options={"colour": 1})
    wrong, kind = (2, "str") if isinstance(option.default, str) else ("2", type(option.default).__name__)
    with pytest.raises(ConfigError, match=rf"^task\.options\.{name}: expected a value of type {kind}, got {wrong!r}"):
        TASKS[task].load(data_root=tmp_path, options={name: wrong})


@pytest.mark.parametrize(
    "task, name", [(task, name) for task in TASKS for name, option in TASKS[task].options.items() if option.is_number]
)
def test_every_number_has_bounds_and_the_upper_one_a_reason(task, name, tmp_path):
    option = TASKS[task].options[name]
    values = [10**10, 10**30, 10**5000, -(10**30), -1]
    for value in [*values, *([float("nan"), float("inf")] if type(option.default) is float else [])]:
        with pytest.raises(
            ConfigError, match=rf"^task\.options\.{name}: expected .* to .*: {option.why}, got "
        ) as caught:
            TASKS[task].load(data_root=tmp_path, options={name: value})
        assert len(str(caught.value)) < 300


def test_a_summary_tells_the_splits_and_shows_examples(data):
    told = data.summary
    sizes = [len(split) for split in splits(data)]
    first = next(iter(told.facts.values()))
    if not data.metric.unit.startswith("bits") and data.shape.stem != "series":
        assert first.startswith("{:,} for training, {:,} for validation, {:,} for the test".format(*sizes))
    assert 1 <= len(told.examples) <= 5 and all(e.target and (e.text or e.picture is not None) for e in told.examples)
    for line in str(told).splitlines():
        assert line.isprintable() and len(line) < 600


def test_missing_data_names_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"set data_root .*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load(data_root=tmp_path)
    monkeypatch.setenv("NASWEAVE_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match=r"elsewhere.*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load()
    write_fashion_mnist(tmp_path)
    (tmp_path / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz.*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load(data_root=tmp_path)


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(ConfigError, match="clinc150, csv, digits, embedding, ett, fashion_mnist"):
        TASKS["imagenet"]


def test_fashion_mnist_samples_are_idx(tmp_path: Path):
    write_fashion_mnist(tmp_path)
    raw = gzip.decompress((tmp_path / "fashion_mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    assert np.frombuffer(raw[:16], ">i4").tolist() == [0x803, 120, 28, 28]
