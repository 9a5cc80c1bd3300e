"""A filter as long as the sequence for each feature, between two gates: Hyena of order two.

``y = W_O (q . (h * (k . v)))`` where q, k and v are linear in the token and went through a short filter each. The long
filter ``h`` is implicit: a small network with sines gives its value at each distance,
``h(t) = (exp(-a |t| / L) + s) W_3 sin(w (W_2 sin(w (W_1 p(t) + b_1)) + b_2)) + b [t = 0]`` with ``p(t)`` the distance,
its cosines and its sines, so that its weights do not grow with the length. Without causality t may be negative; on a
grid it is a pair.

The parallel form convolves by Fourier transforms (``supernet.spectral``), in which a token gets the rounding errors of
later ones, and nothing else of them. A step needs every earlier product ``k * v``: half of a cache of keys and values.
What depends on weights alone, the filter and its transform, runtimes compute when they load a model.

Papers: Poli et al. 2023, Hyena Hierarchy; Zimerman & Wolf 2023, Multi-Dimensional Hyena for Spatial Inductive Bias.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost, LinearShape, Scalar, StateShapes
from supernet.blocks import MixerCall, State, TokenMixer
from supernet.costs import Activations
from supernet.elastic import ElasticLinear, prefix
from supernet.options import integer_option, integer_problem
from supernet.recurrence.short_convolution import depthwise
from supernet.spectral import LongConvolution, Plan, plan_of, without_autocast

OPTIONS: dict[str, Scalar] = {"kernel": 3, "filter_dim": 16}
BANDS = 8
SINE_FREQUENCY = 10.0  # w, as in the models of the paper
WINDOW_SHIFT = 0.05  # s, likewise
SLOWEST, FASTEST = math.log(100) / 1.5, math.log(100) / 0.3  # decays by which 1 % is left after 1.5 and 0.3 lengths


def check(shape: BlockShape) -> str | None:
    """Short filters are centred, hence odd."""
    return integer_problem(shape, OPTIONS, "kernel", odd=True) or integer_problem(shape, OPTIONS, "filter_dim")


def _grid(shape: BlockShape) -> tuple[int, int] | None:
    """Return the grid on which filters are rectangles, if any."""
    return None if shape.task.causal else shape.task.grid


def _offsets(shape: BlockShape) -> np.ndarray:
    """Return the offsets of a long filter as shares of the length, ``(T, axes)``: from 0 up, then the negative ones."""

    def along(length: int) -> np.ndarray:
        negative = np.arange(0 if shape.task.causal else 1 - length, 0)
        return np.concatenate([np.arange(length), negative]) / length

    axes = [along(length) for length in _grid(shape) or (shape.task.seq_len,)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))


def _plan(shape: BlockShape) -> Plan:
    return plan_of(shape.task.seq_len, _grid(shape))


def cost(shape: BlockShape) -> Cost:
    """Four linears, three short filters and a long one."""
    length, width, causal, grid = shape.task.seq_len, shape.embed_dim, shape.task.causal, _grid(shape)
    kernel, hidden = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
    values, taps = length * width, kernel if grid is None else kernel**2
    offsets, axes = _offsets(shape).shape
    live = Activations(2 * values)
    for _ in range(2):
        _filtered_costs(live, shape, kernel=kernel)
    live.make(values)
    live.drop(2 * values)
    if shape.task.padded and not causal:
        live.turn(values, values)
    flops = LongConvolution.costs(live, _plan(shape), width)
    live.drop(values)
    _filtered_costs(live, shape, kernel=kernel)
    live.make(values, values)
    features = axes * (2 * BANDS + 1)
    return Cost(
        linears=4 * (LinearShape(in_features=width, out_features=width, tokens=length),),
        other_params=2 * width + 3 * width * taps + hidden * (features + hidden + 2) + width * (hidden + 1 + axes),
        other_flops=flops + 3 * 2 * values * taps,
        constants=_plan(shape).constants + offsets * axes,
        peak_activations=live.peak,
    )


def _filtered_costs(live: Activations, shape: BlockShape, *, kernel: int) -> None:
    """Tell what one of q, k and v makes and drops."""
    length, width, causal = shape.task.seq_len, shape.embed_dim, shape.task.causal
    padded = (length + kernel - 1) * width if causal else 0
    live.make(length * width)
    if shape.task.padded and not causal:
        live.make(length * width)
        live.drop(length * width)
    live.make(padded, length * width)
    live.drop(padded + length * width)


def state(shape: BlockShape) -> StateShapes:
    """What was multiplied of all earlier tokens, ``(L - 1, D)``, and the last q, k and v before filtering."""
    past = (integer_option(shape, OPTIONS, "kernel") - 1, shape.embed_dim)
    return (shape.task.seq_len - 1, shape.embed_dim), past, past, past


class LongConv(TokenMixer):
    """``(B, L, D)`` filtered and gated, convolved over the whole sequence, gated again."""

    spec = BlockSpec(
        key="long_conv",
        kind="mixer",
        length_bound=True,
        cost=cost,
        state=state,
        paper="Hyena Hierarchy (2023)",
        options=OPTIONS,
        check=check,
    )

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        width, grid = shape.embed_dim, _grid(shape)
        kernel, hidden = (integer_option(shape, OPTIONS, name) for name in OPTIONS)
        offsets = _offsets(shape)
        axes = offsets.shape[1]
        self.grid = grid or (shape.task.seq_len, 1)
        self.projections = nn.ModuleList(ElasticLinear(width, width) for _ in range(3))
        self.out = ElasticLinear(width, width)
        self.short = nn.Parameter(torch.empty(3, width, 1, kernel, kernel if grid else 1))
        self.first = nn.Parameter(torch.empty(hidden, axes * (2 * BANDS + 1) + 1))
        self.second = nn.Parameter(torch.empty(hidden, hidden + 1))
        self.last = nn.Parameter(torch.empty(width, hidden))
        self.decay = nn.Parameter(torch.empty(width, axes))
        self.skip = nn.Parameter(torch.empty(width))
        self.convolution = LongConvolution(_plan(shape))
        self.offsets_TA: Tensor
        self.register_buffer("offsets_TA", torch.tensor(offsets, dtype=torch.get_default_dtype()), persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw filters of variance one over their taps, with decays of all speeds."""
        nn.init.trunc_normal_(self.short, std=self.short[0, 0].numel() ** -0.5, generator=generator)
        for weight in (self.first, self.second, self.last):
            nn.init.trunc_normal_(weight, std=weight.shape[1] ** -0.5, generator=generator)
        nn.init.uniform_(self.decay, math.log(SLOWEST), math.log(FASTEST), generator=generator)
        nn.init.zeros_(self.skip)
        with torch.no_grad():
            self.last.div_(self.long_filter(len(self.last)).norm(dim=0)[:, None])

    def long_filter(self, width: int) -> Tensor:
        """Return the filters at all offsets, ``(T, D)``."""
        # Clones, so that exporters keep the network in place of the long filters that it gives.
        offsets_TA, decay, last, skip = (t.clone() for t in (self.offsets_TA, self.decay, self.last, self.skip))
        bands = torch.arange(BANDS, dtype=offsets_TA.dtype, device=offsets_TA.device)
        angles = 2 * torch.pi * offsets_TA[..., None] * bands
        h = torch.cat([offsets_TA, angles.cos().flatten(1), angles.sin().flatten(1)], 1)
        for weight in (self.first.clone(), self.second.clone()):
            h = torch.sin(SINE_FREQUENCY * (h @ weight[:, :-1].mT + weight[:, -1]))
        window_TD = torch.exp(-offsets_TA.abs() @ prefix(decay, width).exp().mT) + WINDOW_SHIFT
        filter_TD = (h @ prefix(last, width).mT) * window_TD
        return torch.cat([filter_TD[:1] + prefix(skip, width), filter_TD[1:]])

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Filter, gate, convolve, gate, project."""
        width, length = x_BLD.shape[-1], x_BLD.shape[1]
        h_BLD = self._real(self._filtered(1, x_BLD, call) * self._filtered(2, x_BLD, call), call)
        with without_autocast(x_BLD.device):
            filter_TD = self.long_filter(width)
            missing = filter_TD.new_zeros(self.convolution.plan.taps - len(filter_TD), width)
            filter_TD = torch.cat([filter_TD[:length], missing, filter_TD[length:]])
            h_BLD = self.convolution(h_BLD.to(filter_TD.dtype), filter_TD)
        return self.out(self._filtered(0, x_BLD, call) * h_BLD, width, call.precision)

    def _filtered(self, which: int, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return q, k or v."""
        width = x_BLD.shape[-1]
        return depthwise(
            self._real(self._linear(which, x_BLD, call), call),
            prefix(self.short, 3, width)[which],
            causal=self.shape.task.causal,
            grid=self.grid,
        )

    def _linear(self, which: int, x_BLD: Tensor, call: MixerCall) -> Tensor:
        y_BLD: Tensor = self.projections[which](x_BLD, x_BLD.shape[-1], call.precision)
        return y_BLD

    def _real(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Return zeros in place of padding, where a token may see it."""
        if call.mask_BL is None or self.shape.task.causal:
            return x_BLD
        return x_BLD * call.mask_BL.to(x_BLD.dtype)[..., None]

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Filter and gate the token, weigh all products so far, gate, project."""
        width = x_B1D.shape[-1]
        results, after = [], []
        for which, past_BkD in enumerate(state[1:]):
            near_BtD = torch.cat([past_BkD, self._linear(which, x_B1D, call)], 1)
            taps_tD = prefix(self.short, 3, width)[which].flatten(1).mT
            results.append((near_BtD * taps_tD).sum(1, keepdim=True))
            after.append(near_BtD[:, 1:])
        q_B1D, k_B1D, v_B1D = results
        all_BLD = torch.cat([state[0], k_B1D * v_B1D], 1)
        h_B1D = (all_BLD * self.long_filter(width).flip(0)).sum(1, keepdim=True)
        return self.out(q_B1D * h_B1D, width, call.precision), (all_BLD[:, 1:], *after)


BLOCK = LongConv
