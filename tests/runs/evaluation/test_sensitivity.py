"""Which networks are tried for a sensitivity, and that a run's report holds the losses of its supernet."""

from __future__ import annotations

from runs.evaluation.sensitivity import variants
from search_space import Layer
from search_space.precision import FLOAT


def test_one_sub_block_is_changed_at_a_time(make_space) -> None:
    space = make_space(
        embed_dim=[32], depth=[3], mixer=["softmax", "pooling", "identity"], channel_mixer=["mlp", "identity"],
        num_heads=[2], ratio=[2], precision=["float", "w8a8", "w4"],
    )  # fmt: skip
    network = space.decode(space.encode([space.largest]))[0]
    layers = (
        Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2, mixer_precision="w8a8"),
        Layer(mixer="pooling", channel_mixer="mlp", ratio=2, channel_precision="w4"),
        Layer(mixer="softmax", num_heads=2, channel_mixer="identity"),
    )
    network = type(network)(embed_dim=32, layers=layers)
    tried = variants(space, network, "w4")
    assert list(tried) == ["1 softmax", "1 mlp", "2 mlp", "3 softmax", "all"], "pooling and identity have no weights"
    for changed in tried.values():
        space.validate(changed)
        assert changed.in_float() == network.in_float()

    def integers(architecture) -> list[str]:
        pairs = ((x.mixer_precision, x.channel_precision) for x in architecture.layers)
        return [p for pair in pairs for p in pair if p != FLOAT]

    assert [len(integers(changed)) for changed in tried.values()] == [1, 1, 1, 1, 4]
    assert {p for changed in tried.values() for p in integers(changed)} == {"w4"}
