"""The heads against their formulas, token by token."""

import torch

from search_space import BlockShape, TaskShape
from supernet.catalogue import HEADS
from tests.supernet.naive import randomise


def head_of(key: str, **fields):
    task = TaskShape(**{"input_shape": (6,), "num_outputs": 5, "seq_len": 6, **fields})
    return randomise(HEADS[key](BlockShape(task=task, embed_dim=8, head_dim=2)).double())


def norm(head, x):
    """Normalise one token of a narrower network than the head was built for."""
    centred = x - x.mean()
    scale, shift = head.norm.weight[: len(x)], head.norm.bias[: len(x)]
    return centred / ((centred**2).mean() + 1e-5).sqrt() * scale + shift


def some(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_a_language_model_reads_each_token_alone():
    head, x = head_of("language_model"), some(2, 6, 4)
    y = head(x)
    for b in range(2):
        for place in range(6):
            expected = head.project.weight[:, :4] @ norm(head, x[b, place]) + head.project.bias
            torch.testing.assert_close(y[b, place], expected)


def test_a_class_of_each_token_is_read_without_a_norm():
    head, x = head_of("each_token"), some(2, 6, 4)
    expected = torch.stack([torch.stack([head.project.weight[:, :4] @ token for token in row]) for row in x])
    torch.testing.assert_close(head(x), expected + head.project.bias)


def test_the_pooled_head_averages_real_tokens():
    head, x = head_of("pooled", padded=True), some(2, 6, 4)
    y = head(x, mask_BL=torch.arange(6) < torch.tensor([[6], [2]]))
    for b, real in enumerate((6, 2)):
        mean = sum(norm(head, x[b, place]) for place in range(real)) / real
        torch.testing.assert_close(y[b], head.project.weight[:, :4] @ mean + head.project.bias)


def test_a_forecast_reads_all_patches_of_its_variate_features_first():
    head, x = head_of("forecast", input_shape=(12, 2), grid=(2, 3)), some(2, 6, 4)
    y = head(x)
    assert y.shape == (2, 5, 2)
    for b in range(2):
        for variate in range(2):
            tokens = [norm(head, x[b, variate * 3 + patch]) for patch in range(3)]
            flat = torch.stack([tokens[patch][d] for d in range(4) for patch in range(3)])
            torch.testing.assert_close(y[b, :, variate], head.project.weight[:, :12] @ flat + head.project.bias)


def test_the_class_token_alone_is_read():
    head, x = head_of("class_token"), some(2, 6, 4)
    y = head(x)
    for b in range(2):
        torch.testing.assert_close(y[b], head.project.weight[:, :4] @ norm(head, x[b, 0]) + head.project.bias)


def test_the_pooler_reads_the_first_token_through_a_hidden_layer():
    head, x = head_of("pooler", padded=True), some(2, 6, 4)
    y = head(x, mask_BL=torch.arange(6) < torch.tensor([[6], [2]]))
    for b in range(2):
        pooled = torch.tanh(head.pool.weight[:4, :4] @ x[b, 0] + head.pool.bias[:4])
        torch.testing.assert_close(y[b], head.project.weight[:, :4] @ pooled + head.project.bias)
