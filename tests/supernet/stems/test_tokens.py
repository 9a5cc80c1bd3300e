"""The token stems against the tables they add."""

import pytest
import torch

from search_space import BlockShape, TaskShape
from supernet.catalogue import STEMS
from supernet.elastic import reset_parameters


def stem_of(*, padded: bool, key: str = "tokens"):
    task = TaskShape(input_shape=(5,), num_outputs=2, seq_len=5, vocab_size=7, padded=padded)
    stem = STEMS[key](BlockShape(task=task, embed_dim=6, head_dim=2))
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
