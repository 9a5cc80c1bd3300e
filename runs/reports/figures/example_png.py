"""A picture of the data as an address that stands in a page, so that the page needs no other file."""

from __future__ import annotations

import base64
import io

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

__all__ = ["picture_address"]


def picture_address(picture: NDArray[np.uint8]) -> str:
    """Return the address of a picture of bytes, ``(H, W, 3)``."""
    file = io.BytesIO()
    imsave(file, picture, format="png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
