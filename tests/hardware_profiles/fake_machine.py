"""A machine whose clock, drift and latencies we control, and subjects whose latencies it knows."""

import numpy as np
import torch
from torch import nn

from hardware_profiles import (
    Built,
    Earlier,
    Instruments,
    ProfileOrigin,
    ProfilerConfig,
    Setting,
    measure_profile,
    this_device,
)
from hardware_profiles.runtime import Runtime
from search_space import Architecture, Block, Layer

SETTING = Setting(runtime="torch")
REFERENCE_S = 0.001
LAYER = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0)
BLOCKS = [
    Block(kind="mixer", key="softmax", embed_dim=16 * n, num_heads=2, precision=p)
    for n in range(1, 11)
    for p in ("float", "w8a8", "w4")
]
NETWORKS = [Architecture(embed_dim=16 * n, layers=(LAYER,) * n) for n in range(1, 11)]
SUBJECTS = [*BLOCKS, *NETWORKS]


def true_ms(subject):
    speed = {"float": 1.0, "w8a8": 0.5, "w4": 0.8}
    if isinstance(subject, Block):
        return subject.embed_dim / 100 * speed[subject.precision]
    return subject.embed_dim * subject.depth / 50


class FakeRuntime(Runtime):
    """Every run moves the clock by the true latency times a drift that grows with time."""

    name = "torch"
    precisions = frozenset({"float", "w8a8", "w4"})
    file_suffix = ".fake"

    def __init__(self, *, drift_per_s=0.0, noise=0.0, why_not=None):
        self.now, self.drift_per_s, self.noise, self.why_not = 0.0, drift_per_s, noise, why_not
        self.rng = np.random.default_rng(0)
        self.prepared, self.measured = [], []

    def clock(self):
        return self.now

    def drift(self):
        return 1.0 + self.drift_per_s * self.now

    def library_version(self):
        return "1"

    def unavailable(self):
        return self.why_not

    def prepare(self, module, example):
        self.prepared.append(module)
        return FakePrepared(self, module)


class FakePrepared:
    def __init__(self, runtime, module):
        self.runtime, self.module = runtime, module

    def compile(self, *, policy, threads, float_precision="fp32"):
        subject = next(iter(policy), None)
        return FakeExecutable(self.runtime, subject)


class FakeExecutable:
    size_bytes = 1

    def __init__(self, runtime, subject):
        self.runtime, self.subject = runtime, subject
        self.seconds = REFERENCE_S if subject is None else true_ms(subject) / 1e3

    def run(self, batch):
        machine = self.runtime
        machine.running = self.subject
        if self.subject is not None and machine.measured[-1:] != [self.subject]:
            machine.measured.append(self.subject)
        machine.now += self.seconds * machine.drift() * np.exp(machine.noise * machine.rng.standard_normal())
        return batch


def build(subject):
    return Built(module=nn.Linear(1, 1).eval(), example=torch.zeros(1, 1), policy={subject: "float"})


def run(runtime, subjects=SUBJECTS, config=None, *, done=(), baseline_ms=None, meter=None, provenance=None, **more):
    return measure_profile(
        subjects,
        origin=ProfileOrigin(
            setting=SETTING, device=this_device(), space_fingerprint="space", provenance=provenance or {}
        ),
        build=build,
        config=config or ProfilerConfig(),
        earlier=Earlier(measurements=done, baseline_ms=baseline_ms),
        instruments=Instruments(runtime=runtime, clock=runtime.clock, meter=meter),
        **more,
    )
