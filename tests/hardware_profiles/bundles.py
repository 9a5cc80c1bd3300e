"""A bundle of a few tiny blocks and networks, exported once a module."""

import torch
from torch import nn

from hardware_profiles import Built, ProfilerConfig, Setting
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.runtime import RUNTIMES
from search_space import Architecture, Block, Layer

LAYER = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0)


BLOCKS = [
    Block(kind="mixer", key="softmax", embed_dim=width, num_heads=2, precision=precision)
    for width in (8, 16)
    for precision in ("float", "w8a8")
]


NETWORKS = [Architecture(embed_dim=8, layers=(LAYER,) * n) for n in (1, 2)]


OPEN = RUNTIMES["onnxruntime"].open_model


SUBJECTS = [*BLOCKS, *NETWORKS]


CONFIG = ProfilerConfig(max_seconds=0.002, sample_s=0.0002, warmup_s=0.0005, reference_seconds=0.002, min_repeats=6)


class Two(nn.Module):
    """Two linear layers."""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


def build(subject):
    with torch.random.fork_rng():
        torch.manual_seed(subject.embed_dim)
        module = Two(subject.embed_dim).eval()
    precision = getattr(subject, "precision", "float")
    example = torch.full((1, 4, subject.embed_dim), 0.5)
    return Built(module=module, example=example, policy={"a": precision} if precision != "float" else {})


def write(folder, setting=Setting(runtime="onnxruntime"), subjects=SUBJECTS):  # noqa: B008
    return write_bundle(
        folder,
        subjects,
        setting=setting,
        space_fingerprint="0123456789ab",
        build=build,
        config=CONFIG,
        describe=lambda s: (s.embed_dim,),
        provenance={"task": "test"},
        progress=lambda *_: None,
    )
