"""Pictures in folders: pixels against Pillow's, splits, bad input."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from search_space.errors import ConfigError, DataError
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
    with pytest.raises(DataError, match=r"train/cat: expected three pictures or more.*got 1"):
        load(tmp_path)
    write_pictures(tmp_path, n=5)
    write_pictures(tmp_path, split="test", n=1, classes=("cat", "owl"))
    with pytest.raises(DataError, match=r"test: expected classes that train has too, got owl"):
        load(tmp_path)
    (tmp_path / "train" / "emu").mkdir()
    with pytest.raises(DataError, match=r"train/emu: expected pictures .*got none"):
        load(tmp_path)
    (tmp_path / "train" / "emu" / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"emu/a\.png: expected a picture"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"^task\.options\.image_size"):
        load(tmp_path, image_size=0)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(touched) (w) file closefile\nshowpage\n"
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
XPM = b'/* XPM */\nstatic char *x[] = {\n"1 1 1 1",\n"a c #000000",\n"a"\n};\n'


def png_header(width: int, height: int) -> bytes:
    """Return a PNG file that promises so many pixels and has none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

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


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_pictures_of_more_than_8_bits_are_refused_before_they_turn_white(tmp_path, kind):
    write_pictures(tmp_path, n=5)
    values = np.linspace(0, 60_000, 64).reshape(8, 8).astype(kind)
    Image.fromarray(values).save(tmp_path / "train" / "cat" / "x.tif")
    with pytest.raises(DataError, match=r"x\.tif: expected a picture .*of 8 bits.*got more than 8 bits a channel"):
        load(tmp_path)


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
