"""The token stems against the tables they add."""

import pytest
import torch

from search_space import BlockShape, TaskShape
from supernet.catalogue import STEMS
from supernet.elastic import reset_parameters

TOKEN_STEMS = ("tokens", "bare_tokens", "normed_tokens")


def stem_of(*, padded: bool, key: str = "tokens", table: str = "float"):
    task = TaskShape(input_shape=(5,), num_outputs=2, seq_len=5, vocab_size=7, padded=padded)
    stem = STEMS[key](BlockShape(task=task, embed_dim=6, head_dim=2, options={"table": table}))
    reset_parameters(stem, torch.Generator().manual_seed(0))
    return stem


def test_each_token_is_its_row_and_its_place():
    stem, ids = stem_of(padded=False), torch.tensor([[3, 0, 6, 3, 1], [2, 2, 2, 5, 4]])
    y = stem(ids, embed_dim=4)
    for b in range(2):
        for place, token in enumerate(ids[b].tolist()):
            assert torch.equal(y[b, place], stem.embedding[token, :4] + stem.position[place, :4])
            alone = stem.step(ids[b : b + 1, place : place + 1], embed_dim=4, position=torch.tensor(place))
            assert torch.equal(alone[0, 0], y[b, place])
    assert torch.equal(stem(ids[:, :3], embed_dim=4), y[:, :3])


@pytest.mark.parametrize("key", ["bare_tokens", "normed_tokens"])
def test_other_stems_leave_the_place_out_or_normalise(key):
    stem, ids = stem_of(padded=False, key=key), torch.tensor([[3, 0, 6, 3, 1], [2, 2, 2, 5, 4]])
    y = stem(ids, embed_dim=4)
    for b in range(2):
        for place, token in enumerate(ids[b].tolist()):
            expected = stem.embedding[token, :4]
            if key == "normed_tokens":
                expected = torch.nn.functional.layer_norm(expected + stem.position[place, :4], (4,))
            torch.testing.assert_close(y[b, place], expected)
            alone = stem.step(ids[b : b + 1, place : place + 1], embed_dim=4, position=torch.tensor(place))
            torch.testing.assert_close(alone[0, 0], y[b, place])


def test_padding_is_id_zero_but_for_the_first_token():
    ids = torch.tensor([[3, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert stem_of(padded=False).mask(ids) is None
    assert stem_of(padded=True).mask(ids).tolist() == [[True, True, False, False, False], [True] + [False] * 4]


def test_a_picture_is_no_sequence_of_ids():
    picture = TaskShape(input_shape=(1, 8, 8), num_outputs=2, seq_len=4, grid=(2, 2))
    problem = STEMS["tokens"].spec.check(BlockShape(task=picture, embed_dim=6, head_dim=2))
    assert problem == "input of shape (1, 8, 8) is no sequence of 4 ids of a vocabulary"


@pytest.mark.parametrize("key", TOKEN_STEMS)
@pytest.mark.parametrize("width", [6, 4])
def test_a_table_of_integers_rounds_each_row_in_its_own_range(key, width):
    ids = torch.tensor([[3, 0, 6, 3, 1]])
    exact, rounded = (stem_of(padded=False, key=key, table=table) for table in ("float", "int8"))
    row = exact.embedding[:, :width].abs().amax(1, keepdim=True) / 127
    with torch.no_grad():
        exact.embedding[:, :width] = (exact.embedding[:, :width] / row).round() * row
    y = rounded(ids, embed_dim=width)
    torch.testing.assert_close(y, exact(ids, embed_dim=width), rtol=0, atol=1e-6)
    (gradient,) = torch.autograd.grad(y.square().sum(), rounded.embedding)
    (expected,) = torch.autograd.grad(exact(ids, embed_dim=width).square().sum(), exact.embedding)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("key", TOKEN_STEMS)
def test_a_deployed_table_computes_the_same_from_integers(key):
    stem, ids = stem_of(padded=False, key=key, table="int8"), torch.tensor([[3, 0, 6, 3, 1]])
    before, step = stem(ids, embed_dim=6), {"embed_dim": 6, "position": torch.tensor(2)}
    before_step = stem.step(ids[:, 2:3], **step)
    for _ in range(2):
        stem.deploy()
        assert "embedding" not in stem.state_dict() and stem.state_dict()["integers"].dtype == torch.int8
        torch.testing.assert_close(stem(ids, embed_dim=6), before)
        torch.testing.assert_close(stem.step(ids[:, 2:3], **step), before_step)
    plain = stem_of(padded=False, key=key)
    plain.deploy()
    assert "embedding" in plain.state_dict()


def test_a_table_is_of_a_known_kind():
    task = TaskShape(input_shape=(5,), num_outputs=2, seq_len=5, vocab_size=7)
    shape = BlockShape(task=task, embed_dim=6, head_dim=2, options={"table": "int4"})
    assert STEMS["tokens"].spec.check(shape) == "table 'int4' is neither float nor int8"
