"""The stem of tables against its formula, and codes that a column has not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from search_space import BlockShape, Geometry, TaskShape
from supernet.catalogue import STEMS
from supernet.elastic import reset_parameters

TASK = TaskShape(input_shape=(4,), num_outputs=5, seq_len=4, stem="columns", categories=(0, 0, 3, 2))


def test_each_token_is_a_column():
    stem = STEMS["columns"](BlockShape(task=TASK, embed_dim=6, head_dim=2)).double()
    reset_parameters(stem, torch.Generator().manual_seed(0))
    x = torch.tensor([[0.5, -2.0, 2.0, 1.0], [1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    y = stem(x, embed_dim=4)
    rows = [[2, 4], [0, 3]]  # of the table: three codes of the third column, then two of the fourth
    for b in range(2):
        for j in range(2):
            torch.testing.assert_close(y[b, j], x[b, j] * stem.weight[j, :4] + stem.bias[j, :4])
        for j in (2, 3):
            torch.testing.assert_close(y[b, j], stem.table[rows[b][j - 2], :4] + stem.bias[j, :4])
    far = torch.tensor([[0.5, -2.0, 99.0, -7.0]], dtype=torch.float64)
    near = torch.tensor([[0.5, -2.0, 2.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(stem(far, embed_dim=4), stem(near, embed_dim=4))


def test_a_linear_model_of_the_columns_is_added_to_the_outputs():
    stem = STEMS["columns"](BlockShape(task=TASK, embed_dim=6, head_dim=2)).double()
    reset_parameters(stem, torch.Generator().manual_seed(0))
    x = torch.tensor([[0.5, -2.0, 2.0, 1.0]], dtype=torch.float64)
    outputs = torch.randn(1, 5, dtype=torch.float64)
    assert torch.equal(stem.restore(outputs, x), outputs), "it says nothing before it is trained"
    with torch.no_grad():
        stem.linear.normal_()
        stem.linear_table.normal_()
    expected = outputs + 0.5 * stem.linear[0] - 2 * stem.linear[1] + stem.linear_table[2] + stem.linear_table[4]
    torch.testing.assert_close(stem.restore(outputs, x), expected)


@pytest.mark.parametrize("changes", [{"categories": ()}, {"categories": (0, 3)}, {"categories": (3, 0, 0, 0)}])
def test_what_does_not_fit_is_refused(changes):
    check = STEMS["columns"].spec.check
    assert check(BlockShape(task=replace(TASK, **changes), embed_dim=6, head_dim=2))
    assert not check(BlockShape(task=TASK, embed_dim=6, head_dim=2))


def test_the_columns_travel_and_other_tasks_look_as_before():
    geometry = Geometry(task=TASK, head_dim=4)
    assert Geometry.from_json(geometry.to_json()) == geometry
    other = Geometry(task=TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4)), head_dim=4)
    assert "categories" not in other.to_json() and "categories" not in repr(other.task)
