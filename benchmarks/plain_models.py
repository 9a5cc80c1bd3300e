"""Uniform networks as anyone would write them, with ``torch.nn`` alone: what a supernet's step is held against.

Shape legend: B batch, L tokens, D embed_dim, H heads, K head_dim.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space import Architecture, Geometry
from supernet import Network

__all__ = ["PLAIN", "plain_copy"]

_WINDOW, _EXPANSION, _KERNEL, _POOL = 4, 2, 3, 3


class SoftmaxAttention(nn.Module):
    """Multi-head attention over all tokens."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(dim, heads * head_dim) for _ in range(3))
        self.out = nn.Linear(heads * head_dim, dim)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.q, self.k, self.v))
        return self.out(self.attend(q, k, v).transpose(1, 2).flatten(2))


class LinearAttention(SoftmaxAttention):
    """Attention with the feature map elu + 1, through the sum over the tokens."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k = F.elu(q) + 1, F.elu(k) + 1
        return q @ (k.mT @ v) / (q @ k.sum(2).unsqueeze(-1) + 1e-6)


class WindowAttention(SoftmaxAttention):
    """Attention inside square windows, as in Swin: windows become examples."""

    def __init__(self, dim: int, heads: int, head_dim: int, grid: tuple[int, int]) -> None:
        super().__init__(dim, heads, head_dim)
        self.rows, self.columns = (side // _WINDOW for side in grid)

    def forward(self, x: Tensor) -> Tensor:
        b, length, dim = x.shape
        x = x.view(b, self.rows, _WINDOW, self.columns, _WINDOW, dim).transpose(2, 3).reshape(-1, _WINDOW**2, dim)
        y = super().forward(x).view(b, self.rows, self.columns, _WINDOW, _WINDOW, dim)
        return y.transpose(2, 3).reshape(b, length, dim)


class DepthwiseConv(nn.Module):
    """Expand, square of ReLU, depthwise convolution on the grid, contract."""

    def __init__(self, dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        hidden = _EXPANSION * dim
        self.grid, self.up, self.down = grid, nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.conv = nn.Conv2d(hidden, hidden, _KERNEL, padding=_KERNEL // 2, groups=hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.up(x)).square().unflatten(1, self.grid).permute(0, 3, 1, 2)
        return self.down(self.conv(h).permute(0, 2, 3, 1).flatten(1, 2))


class Pooling(nn.Module):
    """The mean over the neighbours on the grid, minus the token itself."""

    def __init__(self, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.pool = nn.AvgPool2d(_POOL, stride=1, padding=_POOL // 2, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x.unflatten(1, self.grid).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(1, 2) - x


class MLP(nn.Module):
    """Two linear layers and a GELU."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class GatedMLP(nn.Module):
    """Three linear layers, one of which gates."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(dim, hidden), nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Residual(nn.Module):
    """Pre-norm and residual around a sub-block."""

    def __init__(self, dim: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(dim), inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(self.norm(x))


class PatchStem(nn.Module):
    """Patches, projected, with positions."""

    def __init__(self, dim: int, geometry: Geometry) -> None:
        super().__init__()
        channels, height, _ = geometry.task.input_shape
        assert geometry.task.grid is not None
        self.side = height // geometry.task.grid[0]
        self.project = nn.Linear(channels * self.side**2, dim)
        self.position = nn.Parameter(torch.zeros(geometry.task.seq_len, dim))

    def forward(self, images: Tensor) -> Tensor:
        return self.project(F.unfold(images, self.side, stride=self.side).transpose(1, 2)) + self.position


class PooledHead(nn.Module):
    """Norm, mean over the tokens, linear."""

    def __init__(self, dim: int, outputs: int) -> None:
        super().__init__()
        self.norm, self.project = nn.LayerNorm(dim), nn.Linear(dim, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.norm(x).mean(1))


Grid = tuple[int, int]
_MIXERS: dict[str, Callable[[int, int, int, Grid], nn.Module]] = {
    "softmax": lambda dim, heads, head_dim, grid: SoftmaxAttention(dim, heads, head_dim),
    "linear": lambda dim, heads, head_dim, grid: LinearAttention(dim, heads, head_dim),
    "window": WindowAttention,
    "depthwise_conv": lambda dim, heads, head_dim, grid: DepthwiseConv(dim, grid),
    "pooling": lambda dim, heads, head_dim, grid: Pooling(grid),
}
_CHANNEL_MIXERS: dict[str, Callable[[int, int], nn.Module]] = {"mlp": MLP, "gated_mlp": GatedMLP}

PLAIN = (("softmax", "mlp"), ("softmax", "gated_mlp"), *((m, "mlp") for m in _MIXERS if m != "softmax"))
"""The mixer and channel mixer of the uniform networks that are written here."""


class PlainNetwork(nn.Module):
    """A stem, equal layers, a head."""

    def __init__(self, architecture: Architecture, geometry: Geometry) -> None:
        super().__init__()
        dim, layer, grid = architecture.embed_dim, architecture.layers[0], geometry.task.grid
        assert grid is not None and set(architecture.layers) == {layer}, "a uniform network of images"
        mixer, channel_mixer = _MIXERS[layer.mixer], _CHANNEL_MIXERS[layer.channel_mixer]
        hidden = round(layer.ratio * dim)
        self.stem = PatchStem(dim, geometry)
        # The mixers and channel mixers in one list each, as the names of the weights to be copied have it.
        self.mixer_blocks = nn.ModuleList(
            Residual(dim, mixer(dim, layer.num_heads, geometry.head_dim, grid)) for _ in architecture.layers
        )
        self.channel_blocks = nn.ModuleList(Residual(dim, channel_mixer(dim, hidden)) for _ in architecture.layers)
        self.head = PooledHead(dim, geometry.task.num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for mixer_block, channel_block in zip(self.mixer_blocks, self.channel_blocks, strict=True):
            x = channel_block(mixer_block(x))
        return self.head(x)


def plain_copy(network: Network, images: Tensor) -> PlainNetwork:
    """Return the plain network with the weights of an extracted one.

    Parameters
    ----------
    network
        Extracted from a supernet: uniform, in float, its blocks among those of ``PLAIN``.
    images
        ``(B, C, height, width)``.

    Raises
    ------
    RuntimeError
        When not all weights have their counterpart of the same shape.
    AssertionError
        When the two differ in their outputs for ``images`` or in a gradient.
    """
    plain = PlainNetwork(network.architecture, network.geometry)
    plain.load_state_dict({_plain_name(name): weight for name, weight in network.state_dict().items()})
    gradients = []
    for model in (network, plain):
        model.zero_grad(set_to_none=True)
        output = model(images)
        output.square().sum().backward()
        gradients.append({"output": output, **{name: p.grad for name, p in model.named_parameters()}})
    for name, expected in gradients[0].items():
        got = gradients[1][name if name == "output" else _plain_name(name)]
        scale = float(expected.detach().abs().max())
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4 * scale, msg=lambda m, n=name: f"{n}: {m}")
    return plain


def _plain_name(name: str) -> str:
    name = re.sub(r"\.(projections|mixers\.\w+)\.", ".inner.", name.removeprefix("body."))
    return name.replace(".filters", ".conv.weight")
