"""The real part of the Fourier transform over tokens and features: mixing without any weight.

``y = Re(F_L x F_D) = C_L x C_D - S_L x S_D`` with ``C_jk = cos(2 pi j k / n)`` and ``S_jk = sin(2 pi j k / n)``,
divided by ``sqrt(L D)``: the transform is then a rotation, and its result of the input's size at any width and length.
The paper leaves that to the norm after the residual, which comes before the mixer here. Padding counts as zero.

Two matrix products instead of a fast transform: at a few hundred tokens they are faster in the runtimes, and run where
a runtime has no transform. They are quadratic in L and D, as are the stored matrices.

Paper: Lee-Thorp et al. 2021, FNet: Mixing Tokens with Fourier Transforms.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.blocks import MixerCall, TokenMixer


def cost(shape: BlockShape) -> Cost:
    """Both products with both matrices."""
    length, width = shape.task.seq_len, shape.embed_dim
    return Cost(
        other_params=2 * width,
        other_flops=4 * length * width**2 + 4 * length**2 * width,
        constants=2 * (width**2 + length**2),
        peak_activations=7 * length * width,
    )


def _waves(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cosines and sines, ``(n, n)`` each, in float64; whole turns are taken out before the angle is rounded."""
    place = np.arange(size)
    angle = 2 * np.pi / size * (np.outer(place, place) % size)
    return np.cos(angle) / size**0.5, np.sin(angle) / size**0.5


class Fourier(TokenMixer):
    """``(B, L, D)`` transformed along L and D."""

    spec = BlockSpec(
        key="fourier",
        kind="mixer",
        length_bound=True,
        cost=cost,
        paper="FNet (2021)",
        causal=False,
        has_linears=False,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.tokens_L2L: Tensor
        self.features_D2D: Tensor
        cos, sin = _waves(shape.task.seq_len)
        self._constant("tokens_L2L", np.concatenate([cos, -sin], 1))
        self._constant("features_D2D", np.concatenate(_waves(shape.embed_dim), 1))
        self._made = torch.get_default_dtype()
        self._narrower: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}

    def _constant(self, name: str, value: np.ndarray) -> None:
        self.register_buffer(name, torch.tensor(value, dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Transform the features, then the tokens."""
        width = x_BLD.shape[2]
        real_BLD = x_BLD if call.mask_BL is None else x_BLD * call.mask_BL[..., None].to(x_BLD.dtype)
        waves_BL2D = real_BLD @ self._features(width)
        del real_BLD
        return self.tokens_L2L @ torch.cat([waves_BL2D[..., :width], waves_BL2D[..., width:]], 1)

    def _features(self, width: int) -> Tensor:
        """Return the matrix of a width; those of a supernet's smaller widths are made once and kept."""
        if width == self.shape.embed_dim:
            return self.features_D2D
        like = self.features_D2D
        key = (width, like.dtype, like.device)
        if key not in self._narrower:
            waves = np.concatenate(_waves(width), 1)
            # Rounded as a matrix of this width would be that was made with the module: extraction makes that one.
            waves = waves if self._made == torch.float64 else waves.astype(np.float32)
            # Not from_numpy, which is an operation: this is a constant, and not an activation of the first call.
            self._narrower[key] = from_dlpack(waves).to(like)
        return self._narrower[key]


BLOCK = Fourier
