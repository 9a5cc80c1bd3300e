"""What a device is, as a value: the processor, its instruction sets and memory, never its name in the network.

A profile is worth something only on the device that it was taken on, so the fingerprint holds what decides latency and
nothing that changes from boot to boot: no host name, no kernel build, no current clock speed, no free memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from search_space.errors import ProfileError, RuntimeUnavailableError
from search_space.schema import (
    MalformedError,
    file_word,
    integer,
    items,
    optional,
    parse_json,
    record,
    shown,
    text,
    word,
)

__all__ = ["DEVICE", "VNNI", "X86", "Device", "this_device"]

X86 = ("x86_64", "amd64", "i686", "i386")
VNNI = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})  # instructions whose products of 8 bits are summed exactly

# The flags that decide which kernels a runtime chooses; Linux spells them so on x86, the second table maps ARM's.
_X86_FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_ARM_FLAGS = {"asimd": "neon", "asimddp": "dotprod", "i8mm": "i8mm", "bf16": "bf16", "sve": "sve", "sve2": "sve2"}
_GIBIBYTE = 2**30

DEVICE = record(
    {
        "name": file_word,
        "cpu_model": text(longest=200),
        "cores": integer(1, 2**16),
        "isa": items(word, most=100),
        "memory_bytes": integer(0, 2**50),
        "os": text(longest=60),
        "machine": text(longest=60),
        "accelerator": optional(text(longest=200)),
    },
    may_lack=("accelerator",),
)
"""The fields of a device in a file of any origin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """The machine that latencies belong to.

    Parameters
    ----------
    name
        Short slug such as ``amd_epyc_2c``.
    cpu_model
        As the processor calls itself, without its clock speed.
    cores
        Logical cores.
    isa
        Instruction sets that matter, sorted.
    memory_bytes
        Main memory in bytes, rounded to whole gibibytes.
    os, machine
        Operating system and architecture, such as ``linux`` and ``x86_64``.
    accelerator
        Name of the CUDA device where one is used.
    """

    name: str
    cpu_model: str
    cores: int
    isa: tuple[str, ...]
    memory_bytes: int
    os: str
    machine: str
    accelerator: str | None = None

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of everything but the name."""
        data = {k: v for k, v in asdict(self).items() if k != "name"}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

    def difference(self, other: Device) -> str:
        """Return what differs from ``other``, as ``cores 2 against 4; ...``; empty for the same device."""
        parts = []
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "name" or mine == theirs:
                continue
            if field.name == "isa":
                mine = " ".join(sorted(set(mine) - set(theirs))) or "fewer"
                theirs = " ".join(sorted(set(theirs) - set(self.isa))) or "fewer"
            parts.append(f"{field.name} {mine} against {theirs}")
        return "; ".join(parts)

    def to_json(self) -> str:
        """Return the canonical JSON text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Device:
        """Read what :meth:`to_json` wrote; raises ``ProfileError`` for anything else."""
        try:
            return cls(**DEVICE(parse_json(text)))
        except MalformedError as error:
            raise ProfileError(
                "device", expected="JSON of a device", got=shown(text), remedy=f"mend it: {error}"
            ) from error


def this_device(*, cuda: bool = False) -> Device:
    """Return the device this process runs on.

    Parameters
    ----------
    cuda
        Whether the CUDA device does the work; raises ``RuntimeUnavailableError`` where none is.
    """
    info = _cpu_info()
    cores = os.cpu_count() or 1
    accelerator = _cuda_name() if cuda else None
    model = _without_clock(info.get("model name") or info.get("Model") or _brand())
    # Hypervisors shorten names ("AMD EPYC"); family and model still tell the generations apart.
    generation = f" (family {info['cpu family']}, model {info['model']})" if "cpu family" in info else ""
    return Device(
        name=f"{_slug(accelerator or model)}_{cores}c",
        cpu_model=model + generation,
        cores=cores,
        isa=_isa(info),
        memory_bytes=round(_memory() / _GIBIBYTE) * _GIBIBYTE,
        os=platform.system().lower(),
        machine=platform.machine().lower(),
        accelerator=accelerator,
    )


def _memory() -> int:
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    import psutil

    return int(psutil.virtual_memory().total)


def _cpu_info() -> dict[str, str]:
    """Return the first processor's entries of ``/proc/cpuinfo``, or nothing where that does not exist."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    info: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            info.setdefault(key.strip(), value.strip())
    return info


def _isa(info: Mapping[str, str]) -> tuple[str, ...]:
    flags = set(info.get("flags", "").split())
    found = {flag for flag in _X86_FLAGS if flag in flags}
    found |= {ours for theirs, ours in _ARM_FLAGS.items() if theirs in info.get("Features", "").split()}
    if platform.machine().lower() in ("arm64", "aarch64"):
        found.add("neon")
    return tuple(sorted(found))


def _brand() -> str:
    if platform.system() == "Darwin":
        try:
            run = subprocess.run(
                ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=True, timeout=5
            )
        except (OSError, subprocess.SubprocessError):
            return platform.machine()
        return run.stdout.strip() or platform.machine()
    return platform.processor() or platform.machine() or "unknown"


def _without_clock(model: str) -> str:
    return " ".join(re.sub(r"@.*$|\b[\d.]+\s?[GM]Hz\b", "", model).split())


def _slug(model: str) -> str:
    words = re.sub(r"\((r|tm|c)\)|\b(processor|cpu|with|radeon|graphics|\d+-core)\b", " ", model.lower())
    return "_".join(re.findall(r"[a-z0-9]+", words)[:5]) or "unknown"


def _cuda_name() -> str:
    import torch

    if not torch.cuda.is_available():
        raise RuntimeUnavailableError(
            "device", expected="a CUDA device", got="none", remedy="profile on the processor or install a CUDA build"
        )
    return torch.cuda.get_device_name(0)
