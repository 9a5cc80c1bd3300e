"""What every stem, mixer, channel mixer and head must keep, whatever it computes."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hardware_profiles import RUNTIMES
from search_space import Block
from supernet.blocks import deployed
from supernet.elastic import ElasticLinear
from tests.contracts.block_cases import CASES, CATALOGUE, REGISTRIES, Case, each, forms
from tests.contracts.live_memory import peak_values


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def double(x: Tensor) -> Tensor:
    """Return values in float64, ids as they are."""
    return x.double() if x.is_floating_point() else x


@pytest.mark.parametrize("kind", REGISTRIES)
def test_declaration(kind):
    for key, block in REGISTRIES[kind].items():
        spec = block.spec
        assert (spec.key, spec.kind) == (key, kind)
        assert spec.bidirectional or spec.causal
        assert spec.runtimes <= set(RUNTIMES)
        assert "Paper" in (importlib.import_module(block.__module__).__doc__ or ""), (
            f"{key}: the module names its paper"
        )
        assert spec.key == "identity" or forms(spec), f"{key}: no form of it can be tested"


@each
def test_a_constant_of_no_sense_is_refused(case):
    shape = case.geometry.shape(case.block())
    for name, default in case.spec.options.items():
        if isinstance(default, bool) or not isinstance(default, int):
            continue
        for value in (0, -1, 1.5, "many"):
            problem = case.spec.check(replace(shape, options={name: value}))
            assert problem and name in problem


def counted_flops(module: torch.nn.Module, x: Tensor) -> int:
    """Return what PyTorch counts; the fused kernel is invisible to it, the plain one does the same products."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(x)
    return int(counter.get_total_flops())


@each
@pytest.mark.parametrize("sizes", [{}, {"embed_dim": 24, "num_heads": 1, "ratio": 0.5}])
def test_costs_are_the_real_ones(case, sizes):
    block = case.block(**sizes)
    cost, module = case.geometry.cost(block, CATALOGUE), case.module(block)
    assert cost.params == sum(p.numel() for p in module.parameters())
    linears = [m for m in module.modules() if isinstance(m, ElasticLinear)]
    assert sorted((w.out_features, w.in_features, w.bias) for w in cost.linears) == sorted(
        (*m.weight.shape, m.bias is not None) for m in linears
    )
    few, more = (case.example(batch, embed_dim=block.embed_dim) for batch in (2, 4))
    # What two more examples add: a runtime computes what depends on weights alone when it loads a model.
    assert cost.flops * 2 == counted_flops(module, more) - counted_flops(module, few)
    added = peak_values(deployed(module), more).peak - peak_values(module, few).peak
    assert cost.peak_activations * 2 == pytest.approx(added, rel=0.1)


@each
def test_flags_tell_what_matters(case):
    module = case.module(case.block())
    assert case.spec.has_linears == any(isinstance(m, ElasticLinear) for m in module.modules())
    wider, more = case.block(ratio=3.0), case.block(num_heads=3)
    assert (case.geometry.cost(wider, CATALOGUE) != case.geometry.cost(case.block(), CATALOGUE)) == case.spec.has_ratio
    assert (case.geometry.cost(more, CATALOGUE) != case.geometry.cost(case.block(), CATALOGUE)) == case.spec.has_heads


def small_inside_large(case: Case) -> tuple[torch.nn.Module, torch.nn.Module, Tensor, Block]:
    """Return the largest block, one of the small sizes with its prefixes, an input, and the small sizes."""
    large, small = case.block(embed_dim=24, num_heads=3, ratio=3.0), case.block()
    big, little = case.module(large), case.module(small)
    source = dict(big.named_parameters())
    with torch.no_grad():
        for p in big.parameters():  # biases and norms start at zero and one: alike at any place
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
        for name, p in little.named_parameters():
            p.copy_(source[name][tuple(slice(n) for n in p.shape)])
    return big, little, case.example(2), small


def run_at(module: torch.nn.Module, x: Tensor, block: Block) -> Tensor:
    """Run a block at smaller sizes than it was built for."""
    module.block = block
    return module(x)


@each
def test_a_prefix_of_the_weights_is_the_small_block(case, float64):
    big, little, x, small = small_inside_large(case)
    expected = little(double(x))
    actual = run_at(big, double(x), small)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-11)
    cotangent = torch.randn(expected.shape, generator=torch.Generator().manual_seed(3))
    expected.backward(cotangent)
    actual.backward(cotangent)
    source = dict(big.named_parameters())
    for name, p in little.named_parameters():
        if p.grad is None:  # what a stem adds to the head's outputs
            assert source[name].grad is None and case.spec.kind == "stem"
            continue
        inside = tuple(slice(n) for n in p.shape)
        torch.testing.assert_close(source[name].grad[inside], p.grad, rtol=0, atol=1e-10)
        outside = source[name].grad.clone()
        outside[inside] = 0
        assert not outside.any(), f"{name}: weights beyond the prefix took part"


@each
def test_slicing_copies_nothing(case):
    big, little, x, small = small_inside_large(case)
    big.block = small
    assert peak_values(big, x).peak == peak_values(little, x).peak


@each
def test_examples_do_not_see_each_other(case):
    module, x = case.module(case.block()), case.example(3)
    torch.testing.assert_close(module(x)[1:2], module(x[1:2]), rtol=1e-4, atol=1e-5)


@each
def test_float64_is_float64_throughout(case, float64):
    module, x = case.module(case.block()), case.example(2)
    y = module(double(x))
    assert y.dtype == torch.float64
    single = x.float() if x.is_floating_point() else x
    torch.testing.assert_close(module.float()(single).double(), y, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("case", [c for c in CASES if c.form == "causal" and c.spec.kind != "head"], ids=str)
def test_the_future_stays_unseen(case, float64):
    module, x, task = case.module(case.block()), double(case.example(1)), case.geometry.task
    y = module(x)
    for cut in (1, 8, 31, 32, 33, 39):
        changed = x.clone()
        if x.is_floating_point():
            changed[:, cut:] += 10 * torch.randn(changed[:, cut:].shape, generator=torch.Generator().manual_seed(cut))
        else:
            changed[:, cut:] = (changed[:, cut:] + 1) % task.vocab_size
        z = module(changed)
        assert torch.equal(y[:, :cut], z[:, :cut]) or (y - z)[:, :cut].abs().max() < 1e-13
        assert (y - z)[:, cut:].abs().amax(-1).min() > 1e-6
