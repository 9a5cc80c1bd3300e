"""Numbers, units, colours and codes."""

from __future__ import annotations

import pytest

from runs.reports.figures.palette import channel_colours, hatch, mixer_codes, mixer_colours
from runs.reports.units import bound_text, duration, label_of, number, quantity, scale, unit_of
from search_space.precision import FORMATS


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4123, "ms", "0.412 ms"),
        (0.45, "ms", "0.450 ms"),
        (12.34, "ms", "12.3 ms"),
        (1234.5, "ms", "1234 ms"),
        (97.25, "%", "97.2 %"),
        (8.04, "percent", "8.0 %"),
        (183_400, "bytes", "183 kB"),
        (2_690_000, "bytes", "2.69 MB"),
        (812, "bytes", "812 B"),
        (1_240_000, "count", "1.24 M"),
        (17, "count", "17"),
        (3.217, "", "3.22"),
        (0, "ms", "0 ms"),
        (None, "ms", "—"),
    ],
)
def test_quantity(value: float | None, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_small_and_large_numbers_get_an_exponent() -> None:
    assert (number(0.00012), number(3.4e7)) == ("1.20e-04", "3.40e+07")


def test_bounds_keep_the_form_of_their_author() -> None:
    assert [bound_text(0.5, "ms"), bound_text(2e5, "bytes"), bound_text(3.0, "%")] == ["0.5 ms", "200 kB", "3 %"]


def test_durations() -> None:
    assert [duration(8.21), duration(192), duration(3845)] == ["8.2 s", "3 min 12 s", "1 h 04 min"]


def test_units_and_labels_of_names() -> None:
    assert [unit_of(n) for n in ("latency_ms", "size_bytes", "test_error", "params", "perplexity")] == [
        "ms",
        "bytes",
        "%",
        "count",
        "",
    ]
    assert [label_of(n) for n in ("latency_ms", "peak_memory_bytes", "flops")] == ["latency", "peak memory", "FLOPs"]
    assert scale([1.0, 250_000.0], "bytes") == (1e3, "kB")


def test_colours_are_stable_and_distinct() -> None:
    known = ("softmax", "linear", "sliding_window", "window", "retention", "pooling", "depthwise_conv", "identity")
    alone = {name: mixer_colours([name])[name] for name in known}
    assert mixer_colours([*known, "performer", "delta"]).items() >= alone.items()
    many = mixer_colours([*known, "performer", "delta", "topk", "axial"])
    assert len(set(many.values())) == len(many)
    assert len(set(channel_colours(["mlp", "gated_mlp", "identity", "moe"]).values())) == 4


def test_codes_are_unique_and_precisions_differ() -> None:
    names = ["softmax", "sliding_window", "shifted_window", "simplified_linear", "window", "axial", "s", "so"]
    codes = mixer_codes(names)
    assert len(set(codes.values())) == len(names)
    assert mixer_codes(["softmax", "sliding_window"]) == {"softmax": "So", "sliding_window": "SW"}
    assert len({hatch(p) for p in ("float", *FORMATS)}) == 1 + len(FORMATS)
