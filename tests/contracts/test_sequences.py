"""What every mixer must keep on sequences: padding is never seen, and decoding is the parallel form token by token."""

from __future__ import annotations

import pytest
import torch

from search_space import Architecture, Block, Geometry, Layer, TaskShape
from supernet import Network
from supernet.catalogue import MIXERS
from supernet.elastic import reset_parameters
from supernet.layer import MixerBlock
from supernet.training.lengths import shortened

LENGTHS = (13, 40, 70)  # shorter than a chunk, one and a part, several and a part
CAUSAL = [key for key, block in MIXERS.items() if block.spec.causal]
PADDED = [key for key, b in MIXERS.items() if b.spec.bidirectional and not b.spec.needs_grid and key != "identity"]


def text(length: int, *, causal: bool) -> TaskShape:
    head = "language_model" if causal else "pooled"
    sizes = {"input_shape": (length,), "num_outputs": 11, "seq_len": length, "vocab_size": 11}
    return TaskShape(**sizes, causal=causal, padded=not causal, stem="tokens", head=head)


def random_weights(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module in float64 with every parameter random, biases and norms too."""
    generator = torch.Generator().manual_seed(5)
    reset_parameters(module, generator)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.1)
    return module.eval()


@pytest.fixture(autouse=True)
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def layer_of(key: str, *, precision: str = "float") -> Layer:
    spec = MIXERS[key].spec
    return Layer(
        mixer=key,
        num_heads=2 if spec.has_heads else 0,
        channel_mixer="mlp",
        ratio=2.0,
        mixer_precision=precision if spec.has_linears else "float",
    )


def block_of(key: str, task: TaskShape) -> MixerBlock:
    """Return the mixer at 2 heads of 8 in a block that was built for 3, and a width of 12 in one of 16."""
    geometry = Geometry(task=task, head_dim=8)
    choice = Block(kind="mixer", key=key, embed_dim=16, num_heads=3 if MIXERS[key].spec.has_heads else 0)
    return random_weights(MixerBlock(geometry, [choice]))


def network(*keys: str, task: TaskShape) -> Network:
    architecture = Architecture(embed_dim=12, layers=tuple(map(layer_of, keys)))
    return random_weights(Network(architecture, Geometry(task=task, head_dim=8)))


def some_ids(batch: int, length: int, *, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 11, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("key", [key for key in CAUSAL if key != "identity"])
def test_a_mixer_decodes_what_it_computes_in_parallel(key, length):
    block, layer = block_of(key, text(length, causal=True)), layer_of(key)
    x = torch.randn(2, length, 12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = block(x, layer)
        state = block.initial_state(2, layer, embed_dim=12, dtype=x.dtype, device=x.device)
        shapes = [t.shape for t in state]
        for t in range(length):
            kept = [s.clone() for s in state]
            y, after = block.step(x[:, t : t + 1], layer, state, position=torch.tensor(t))
            torch.testing.assert_close(y, expected[:, t : t + 1], rtol=0, atol=1e-10)
            assert all(torch.equal(a, b) for a, b in zip(kept, state, strict=True)), "the given state is left unchanged"
            assert [s.shape for s in after] == shapes
            state = after


def test_a_network_of_all_causal_mixers_decodes_what_it_computes_in_parallel():
    net, ids = network(*CAUSAL, task=text(40, causal=True)), some_ids(2, 40)
    with torch.no_grad():
        expected, states = net(ids), net.initial_state(2)
        for t in range(40):
            y, states = net.step(ids[:, t : t + 1], states, position=torch.tensor(t))
            torch.testing.assert_close(y, expected[:, t : t + 1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("key", CAUSAL)
def test_a_causal_network_never_sees_the_future(key):
    net, ids = network(key, key, task=text(40, causal=True)), some_ids(1, 40)
    with torch.no_grad():
        before = net(ids)
        for cut in (1, 17, 33, 39):
            changed = ids.clone()
            changed[:, cut:] = changed[:, cut:] % 10 + 1
            after = net(changed)
            torch.testing.assert_close(after[:, :cut], before[:, :cut], rtol=0, atol=1e-12)
            assert (after - before)[:, cut:].abs().amax(-1).min() > 1e-6


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("key", PADDED)
def test_padding_is_never_seen(key, length):
    block, layer = block_of(key, text(length, causal=False)), layer_of(key)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, length, 12, generator=generator)
    real = torch.tensor([length, length - 1, 5, 1])
    mask = torch.arange(length) < real[:, None]
    changed = torch.where(mask[..., None], x, 30 * torch.randn(x.shape, generator=generator))
    with torch.no_grad():
        y, z, plain = block(x, layer, mask), block(changed, layer, mask), block(x, layer)
    assert y.isfinite().all() and z.isfinite().all()
    torch.testing.assert_close(z[mask], y[mask], rtol=0, atol=1e-12)
    torch.testing.assert_close(plain[0], y[0], rtol=0, atol=1e-12)  # without padding the mask changes nothing


@pytest.mark.parametrize("key", PADDED)
def test_the_result_does_not_depend_on_what_an_example_is_padded_beside(key):
    """Positions from 9 on are real in the first example and padding in the second, from the stem to the head."""
    net = network(key, key, task=text(40, causal=False))
    ids = some_ids(2, 40)
    ids[1, 9:] = 0
    with torch.no_grad():
        together = net(ids)
        positions = net.body.stem.position[9:]
        positions += torch.randn(positions.shape, generator=torch.Generator().manual_seed(4))
        again = net(ids)
    torch.testing.assert_close(again[1], together[1], rtol=0, atol=1e-11)
    assert (again[0] - together[0]).abs().max() > 1e-6


@pytest.mark.parametrize("key", PADDED)
def test_a_shorter_sequence_without_padding_is_the_same_unless_a_mixer_says_otherwise(key):
    net, ids = network(key, key, task=text(70, causal=False)), some_ids(3, 70)
    ids[0, 22:], ids[1, 9:], ids[2, 1:] = 0, 0, 0

    def learned(outputs):
        gradients = torch.autograd.grad(outputs.sin().sum(), [*net.parameters()])
        return torch.cat([outputs.flatten(), *(g.flatten() for g in gradients)])

    whole, short = learned(net(ids)), learned(shortened(net, 24)(ids[:, :24]))
    assert torch.allclose(short, whole, rtol=1e-9, atol=1e-9) != MIXERS[key].spec.length_bound


def test_an_example_of_padding_alone_is_finite():
    net = network(*PADDED, task=text(40, causal=False))
    assert net(torch.zeros(1, 40, dtype=torch.int64)).isfinite().all()


@pytest.mark.parametrize("key", ["softmax", "sliding_window"])
def test_scores_in_bfloat16_hide_padding_too(key):
    block, layer = block_of(key, text(40, causal=False)).bfloat16(), layer_of(key)
    x = torch.randn(2, 40, 12, generator=torch.Generator().manual_seed(2)).bfloat16()
    mask = torch.arange(40) < torch.tensor([[40], [7]])
    with torch.no_grad():
        y, z = block(x, layer, mask), block(torch.where(mask[..., None], x, 9.0), layer, mask)
    assert torch.equal(y[mask], z[mask])
