"""Pictures of a user: of formats that are data and no programs, upright, and with all the values that they have.

A picture is of bytes, or *deep*: of 16 bits a pixel, which become 0 to 1, or of floats, which stay as they are.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError, reason_of
from supernet.readers.folders import Folders
from supernet.readers.words import counted, shown

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["SUFFIXES", "Depth", "Pictures", "read_picture"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

Depth = Literal["8 bits", "16 bits", "floats"]

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""What Pillow may read, whatever the file is called: others, such as EPS, are programs for an interpreter."""
_MOST_PIXELS = 80_000_000
_ORIENTATION = 0x0112
_FROM_16_BITS = 1 / 65_535


@dataclass(kw_only=True, slots=True, eq=False)
class Pictures(Folders):
    """What was found on the way through folders of pictures; a note is made of each count.

    Parameters
    ----------
    turned, transparent, animated, reduced
        Pictures that were turned as their EXIF says, laid on white, of which the first frame was taken, or whose 16
        bits a colour were read as 8.
    """

    what: str = "picture"
    suffixes: tuple[str, ...] = SUFFIXES

    turned: int = 0
    transparent: int = 0
    animated: int = 0
    reduced: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or changed."""
        counts = (
            (self.turned, "turned upright, as EXIF says"),
            (self.transparent, "laid on white, for it is transparent in places"),
            (self.animated, "of several frames, the first one read"),
            (self.reduced, "of 16 bits a colour, 8 of them read"),
        )
        told = [f"{what}: {counted(count, 'picture')}" for count, what in counts if count]
        return (*told, *self.left_out)


def read_picture(
    path: Path, *, size: int, grey: bool, found: Pictures
) -> tuple[NDArray[np.uint8] | NDArray[np.float32], Depth]:
    """Return one picture, ``(1, size, size)`` or ``(3, size, size)``, in bytes or floats, and how deep it is.

    Raises
    ------
    DataError
        For what is no file, no picture of the known formats, too large, or holds values that are not finite.
    """
    from PIL import Image

    try:
        if not path.is_file():  # one would wait at a pipe for ever
            raise ValueError("no file" if path.exists() else "a link to nothing")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags that are damaged, which leave the pixels whole
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise ValueError(f"{picture.width} x {picture.height} pixels")
                return _pixels(picture, size=size, grey=grey, found=found)
    except Exception as error:  # what a parser makes of bytes that are no picture is of any kind
        raise DataError(
            str(path),
            expected=f"a picture ({', '.join(_FORMATS)}), at most {_MOST_PIXELS // 10**6} million pixels",
            got=shown(reason_of(error), most=200),
            remedy="convert, replace or remove the file",
        ) from error


def _pixels(
    picture: Picture, *, size: int, grey: bool, found: Pictures
) -> tuple[NDArray[np.uint8] | NDArray[np.float32], Depth]:
    from PIL import Image

    found.animated += getattr(picture, "n_frames", 1) > 1
    found.reduced += picture.mode in ("RGB", "RGBA", "LA") and _is_of_16_bits(picture)
    whole = _upright(picture, found)
    depth: Depth = "8 bits"
    if whole.mode.startswith(("I", "F")):  # which Pillow would clip to white
        depth = "floats" if whole.mode == "F" else "16 bits"
        values: NDArray[np.float32] = np.asarray(whole, np.float32)
        if not np.isfinite(values).all():
            raise ValueError("values that are not finite")
        if depth == "16 bits":
            if values.min() < 0 or values.max() > 65_535:
                raise ValueError(f"whole numbers from {values.min():g} to {values.max():g}, beyond 16 bits")
            values = values * np.float32(_FROM_16_BITS)
        scaled = Image.fromarray(values).resize((size, size), Image.Resampling.BICUBIC)
        one = np.asarray(scaled, np.float32)[None]
        return (one if grey else np.repeat(one, 3, axis=0)), depth
    if "A" in whole.getbands() or "transparency" in whole.info:
        with_alpha = whole.convert("RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            found.transparent += 1
            white = Image.new("RGBA", with_alpha.size, "white")
            whole = Image.alpha_composite(white, with_alpha)
        else:
            whole = with_alpha
    resized = whole.convert("L" if grey else "RGB").resize((size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(resized, np.uint8)
    return (pixels[None] if grey else pixels.transpose(2, 0, 1)), depth


def _is_of_16_bits(picture: Picture) -> bool:
    """Whether the file holds 16 bits a colour, of which Pillow reads 8: it tells its decoder so."""
    tiles: list[Any] = getattr(picture, "tile", [])
    return any("16" in str(tile[-1]) for tile in tiles)


def _upright(picture: Picture, found: Pictures) -> Picture:
    """Return a picture as it was taken to be looked at."""
    from PIL import ImageOps

    orientation = picture.getexif().get(_ORIENTATION, 1)
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:
        return picture
    found.turned += 1
    return ImageOps.exif_transpose(picture)
