"""Pictures in folders: pixels against Pillow's, splits, bad input."""

from __future__ import annotations

import os
import shutil
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from search_space.errors import ConfigError, DataError
from supernet.readers.pictures import Pictures, read_picture
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import write_pictures


def load(path, **options):
    return TASKS["image_folder"].load(options={"path": str(path), "image_size": 8, **options})


def test_pictures_are_scaled_and_keep_their_class(tmp_path):
    write_pictures(tmp_path, n=10)
    write_pictures(tmp_path, split="test", n=2)
    data = load(tmp_path)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [18, 2, 4]
    assert data.shape.input_shape == (3, 8, 8) and data.shape.num_outputs == 2
    assert data.test.targets.tolist() == [0, 0, 1, 1]
    with Image.open(tmp_path / "test" / "dog" / "0.png") as picture:
        expected = np.asarray(picture.resize((8, 8), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert (data.test.stored[2].numpy() == expected).all()


def test_classes_may_lie_in_the_folder_itself_and_be_grey(tmp_path):
    data = load(write_pictures(tmp_path, n=10) / "train", grey=True)
    assert data.shape.input_shape == (1, 8, 8)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [16, 2, 2]


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"expected two folders or more, one a class, got none"):
        load(tmp_path)
    write_pictures(tmp_path, n=1)
    with pytest.raises(
        DataError, match=r"train: expected two classes or more with 3 examples each.*got 2 examples, 1 of 'cat'"
    ):
        load(tmp_path)
    write_pictures(tmp_path, n=5)
    write_pictures(tmp_path, split="test", n=1, classes=("cat", "owl"))
    with pytest.raises(DataError, match=r"test: expected classes that train has too, got owl"):
        load(tmp_path)
    (tmp_path / "train" / "emu").mkdir()
    with pytest.raises(DataError, match=r"train/emu: expected pictures .*got none"):
        load(tmp_path)
    (tmp_path / "train" / "emu" / "a.png").write_bytes(b"no picture")
    shutil.rmtree(tmp_path / "test")
    write_pictures(tmp_path, split="test", n=1)
    write_pictures(tmp_path, split="val", n=1)
    with pytest.raises(DataError, match=r"emu/a\.png: expected a picture"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"^task\.options\.image_size"):
        load(tmp_path, image_size=0)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(touched) (w) file closefile\nshowpage\n"
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
XPM = b'/* XPM */\nstatic char *x[] = {\n"1 1 1 1",\n"a c #000000",\n"a"\n};\n'


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    """Return a PNG file that promises so many pixels and has none."""

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        EPS,
        b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 32, len(EPS)) + bytes(20) + EPS,
        PDF,
        XPM,
        b"P6 2 2 255 " + bytes(12),
        png_header(60_000, 60_000),
        png_header(10_000, 9_000),
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 70_000, 70_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;",
        b"\x89PNG\r\n\x1a\n" + b"\0\0",
        b"",
    ],
    ids=[
        "eps",
        "eps with a preview",
        "pdf",
        "xpm",
        "ppm",
        "png bomb",
        "large png",
        "bmp bomb",
        "gif bomb",
        "cut",
        "empty",
    ],
)
def test_a_picture_of_another_format_or_too_large_is_one_line(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)

    def interpreter(*arguments: object, **more: object) -> None:
        raise AssertionError("an interpreter was started")

    monkeypatch.setattr("subprocess.Popen", interpreter)
    write_pictures(tmp_path, n=5)
    (tmp_path / "train" / "cat" / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.png: expected a picture \(PNG.*80 million pixels") as caught:
        load(tmp_path)
    assert len(str(caught.value).splitlines()) == 1 and not (tmp_path / "touched").exists()


def shaded(kind: str, *, seed: int = 0, size: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 4095, size).astype(kind)


@pytest.mark.parametrize(
    "kind, ending, most", [("uint16", "png", 65_535), ("int32", "tif", 65_535), ("float32", "tif", 1)]
)
def test_pictures_of_more_than_8_bits_keep_their_values(tmp_path, kind, ending, most):
    for name in ("cat", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(shaded(kind, seed=i)).save(tmp_path / "train" / name / f"{i}.{ending}")
    data = load(tmp_path, grey=True)
    assert data.train.stored.dtype == torch.float32
    first = shaded(kind, seed=0) / np.float32(most)
    assert any(np.allclose(x[0], first, rtol=1e-6) for x in data.train.stored.numpy())
    assert data.train.inputs.std() == pytest.approx(1, abs=1e-2)
    steps = data.preprocessing()["steps"]
    assert steps[0]["mode"] == "F" and (steps[1]["do"] == "divide") == (kind != "float32")
    assert load(tmp_path).shape.input_shape == (3, 8, 8)


def test_pictures_of_8_and_of_16_bits_have_the_same_white(tmp_path):
    write_pictures(tmp_path, n=5)
    write_pictures(tmp_path, split="test", n=1)
    white = np.full((8, 8), 255, np.uint8)
    Image.fromarray(white).save(tmp_path / "test" / "cat" / "0.png")
    Image.fromarray(white.astype(np.uint16) * 257).save(tmp_path / "train" / "cat" / "x.png")
    data = load(tmp_path)
    assert data.test.stored[0].unique().tolist() == [1.0] and data.train.stored.max() == 1
    Image.fromarray(shaded("float32")).save(tmp_path / "train" / "dog" / "y.tif")
    with pytest.raises(
        DataError, match=r"y\.tif: expected a picture of 8 bits, as .*0\.png is, got one of floats; save"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    "values, got", [([[np.nan]], "not finite"), ([[-1]], "from -1"), ([[70_000]], "beyond 16 bits")]
)
def test_values_that_no_scale_fits_are_named(tmp_path, values, got):
    write_pictures(tmp_path, n=5)
    kind = np.float32 if got == "not finite" else np.int32
    Image.fromarray(np.array(values, kind)).save(tmp_path / "train" / "cat" / "x.tif")
    with pytest.raises(DataError, match=rf"x\.tif: expected a picture.*{got}"):
        load(tmp_path)


def note(data, words: str) -> str:
    (found,) = (note for note in data.summary.notes if words in note)
    return found


def test_pictures_are_turned_as_exif_says(tmp_path):
    write_pictures(tmp_path, n=5)
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] = 255  # its top is white
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(picture).save(tmp_path / "train" / "cat" / f"x{orientation}.png", exif=exif)
    data = load(tmp_path)
    assert note(data, "turned") == "turned upright, as EXIF says: 7 pictures"
    pixels, _ = read_picture(tmp_path / "train" / "cat" / "x6.png", size=8, grey=True, found=Pictures())
    assert pixels[0, :, 4:].min() > 200 and pixels[0, :, :3].max() < 50  # white at its right, a quarter turn on


def test_what_is_transparent_is_laid_on_white(tmp_path):
    write_pictures(tmp_path, n=5)
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "train" / "cat" / "x.png")
    Image.new("RGBA", (8, 8), (9, 9, 9, 255)).save(tmp_path / "train" / "cat" / "y.png")
    Image.new("LA", (8, 8), (0, 0)).save(tmp_path / "train" / "dog" / "x.png")
    data = load(tmp_path)
    assert note(data, "transparent") == "laid on white, for it is transparent in places: 2 pictures"
    pixels, _ = read_picture(tmp_path / "train" / "dog" / "x.png", size=4, grey=False, found=Pictures())
    assert pixels.min() == 255


def test_pictures_of_which_a_part_is_read_are_counted(tmp_path):
    write_pictures(tmp_path, n=5)
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "train" / "cat" / "x.gif", save_all=True, append_images=frames[1:])
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x12\x34" * 24) * 8)
    (tmp_path / "train" / "cat" / "y.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    data = load(tmp_path)
    assert note(data, "frames") == "of several frames, the first one read: 1 picture"
    assert note(data, "16 bits") == "of 16 bits a colour, 8 of them read: 1 picture"


def test_hidden_folders_are_left_out_and_folders_in_folders_are_read(tmp_path):
    write_pictures(tmp_path, n=10)
    before = load(tmp_path)
    cat = tmp_path / "train" / "cat"
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    (cat / "__MACOSX").mkdir()
    (cat / "._0.png").write_bytes(b"AppleDouble")
    (cat / "notes.txt").write_text("hello")
    (cat / "9.png").rename(tmp_path / "train" / "loose.png")
    (tmp_path / "more").mkdir()
    (cat / "a" / "b").mkdir(parents=True)
    (tmp_path / "train" / "loose.png").rename(cat / "a" / "b" / "9.png")
    (cat / "a" / "around").symlink_to(cat)
    (tmp_path / "train" / "x.png").write_bytes((cat / "0.png").read_bytes())
    data = load(tmp_path)
    assert data.shape.num_outputs == 2 and len(data.train) == len(before.train)
    assert note(data, "hidden").endswith("3 names (._0.png, .ipynb_checkpoints, __MACOSX)")
    assert note(data, "no picture") == "left out, for it is no picture: 1 file (1 of .txt)"
    assert note(data, "no class") == "left out, in the folder of no class: 1 picture of train"
    assert note(data, "beside train") == "folders beside train are left out: more"


def test_splits_without_train_are_no_classes(tmp_path):
    for split in ("dev", "test"):
        write_pictures(tmp_path, split=split, n=5)
    with pytest.raises(DataError, match=r"expected a folder train, or one folder a class, got dev, test;"):
        load(tmp_path)


def test_a_folder_val_is_the_validation_split(tmp_path):
    write_pictures(tmp_path, n=5)
    write_pictures(tmp_path, split="val", n=2)
    assert len(load(tmp_path).validation) == 4
    write_pictures(tmp_path, split="validation", n=2)
    with pytest.raises(DataError, match="expected one folder for validation, got validation, val"):
        load(tmp_path)


def test_memory_is_asked_for_before_it_is_taken(tmp_path, monkeypatch):
    write_pictures(tmp_path, n=5)
    monkeypatch.setattr("supernet.readers.memory.available_memory", lambda: 100_000_000)
    load(tmp_path, image_size=64)
    read = "supernet.tasks._picture_reading.read_picture"
    monkeypatch.setattr(read, lambda *a, **k: pytest.fail("it was read first"))
    with pytest.raises(
        DataError, match=r"train: expected data that fits .*95\.4 MiB, got 10 pictures of 2048 x 2048 .*360 MiB"
    ):
        load(tmp_path, image_size=2048)


def test_what_is_no_file_is_one_line(tmp_path):
    write_pictures(tmp_path, n=5)
    path = tmp_path / "train" / "cat" / "x.png"
    for make in (
        os.mkfifo,
        os.mkdir,
        lambda path: os.symlink("/dev/zero", path),
        lambda path: os.symlink(tmp_path / "none", path),
    ):
        make(path)
        with pytest.raises(DataError, match=r"x\.png: expected a picture.*got (no file|a link to nothing)"):
            load(tmp_path)
        path.rename(tmp_path / f"was-{len(list(tmp_path.iterdir()))}")
