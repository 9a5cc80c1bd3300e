"""Window attention against a softmax inside each window of the grid, one token at a time."""

import math

import pytest
import torch

from search_space.errors import SpaceError
from supernet.blocks import MixerCall
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of


def naive(x, projections, *, grid, size, num_heads):
    height, width = grid
    q, k, v = (
        (x @ p.weight.T + p.bias).view(len(x), height, width, num_heads, HEAD_DIM)
        for p in (projections.q, projections.k, projections.v)
    )
    rows = []
    for b in range(len(x)):
        for y in range(height):
            for z in range(width):
                top, left = y - y % size, z - z % size
                places = [(top + i, left + j) for i in range(size) for j in range(size)]
                merged = []
                for h in range(num_heads):
                    logits = torch.stack([q[b, y, z, h] @ k[b, i, j, h] / math.sqrt(HEAD_DIM) for i, j in places])
                    values = torch.stack([v[b, i, j, h] for i, j in places])
                    merged.append(torch.softmax(logits, 0) @ values)
                rows.append(projections.out.weight @ torch.cat(merged) + projections.out.bias)
    return torch.stack(rows).view(len(x), height * width, -1)


@pytest.mark.parametrize("grid, size", [((4, 4), 2), ((2, 6), 2), ((3, 3), 3), ((4, 2), 1)])
def test_equals_the_softmax_inside_each_window(grid, size):
    shape = shape_of(seq_len=grid[0] * grid[1], grid=grid, embed_dim=5, num_heads=2, options={"size": size})
    mixer, projections = build("window", shape), build_projections(shape)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        lambda x: naive(x, projections, grid=grid, size=size, num_heads=2),
        normal(2, grid[0] * grid[1], 5),
        parameters=tuple(projections.parameters()),
    )


def test_windows_that_do_not_tile_the_grid_are_refused(make_space):
    make_space(mixer=["window"], options={"window": {"size": 2}})
    with pytest.raises(SpaceError, match=r"windows of 3x3 tokens cannot tile a grid of 4x4.*options\.window"):
        make_space(mixer=["window"], options={"window": {"size": 3}})


@pytest.mark.parametrize("key", ["window", "shifted_window"])
def test_the_relative_bias_is_that_of_swin(key):
    """On a grid of one window, which is not shifted."""
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.swin.modeling_swin import SwinAttention

    shape = shape_of(seq_len=9, grid=(3, 3), embed_dim=8, num_heads=2, options={"size": 3, "relative_bias": True})
    mixer, projections = build(key, shape), build_projections(shape)
    reference = SwinAttention(transformers.SwinConfig(attn_implementation="sdpa"), 8, 2, window_size=3).double().eval()
    with torch.no_grad():
        for theirs, ours in (("q_proj", "q"), ("k_proj", "k"), ("v_proj", "v"), ("o_proj", "out")):
            getattr(reference, theirs).load_state_dict(getattr(projections, ours).state_dict())
        # Swin has the query's place from the key's, a difference a row and a head a column.
        reference.relative_position_bias.relative_position_bias_table.copy_(mixer.bias.flip(1, 2).flatten(1).T)
    x = normal(2, 9, 8)
    y = mixer(x, MixerCall(num_heads=2, projections=projections))
    torch.testing.assert_close(y, reference(x)[0], rtol=1e-9, atol=1e-11)


def test_a_relative_bias_that_is_no_choice_is_refused(make_space):
    with pytest.raises(SpaceError, match="relative_bias 'yes' is neither true nor false"):
        make_space(mixer=["window"], options={"window": {"size": 2, "relative_bias": "yes"}})
