"""What the result of a task is called, and how the error that stands for it reads."""

from __future__ import annotations

import pytest

from search_space.metric import ACCURACY, Metric

BITS_PER_BYTE = Metric(key="bits_per_byte", name="bits per byte", unit="bits/byte")
SQUARES = Metric(key="mean_squared_error", name="mean squared error")
F1 = Metric(key="macro_f1", name="macro F1", unit="%", best=100.0)
R2 = Metric(key="r2", name="R2", best=1.0)


@pytest.mark.parametrize(
    ("metric", "error", "text", "title", "label", "value"),
    [
        (ACCURACY, 1.9, "98.10 %", "test accuracy, %", "Validation error", 98.1),
        (F1, 1.9, "98.10 %", "test macro F1, %", "Validation 1 - macro F1", 98.1),
        (R2, 0.25, "0.75", "test R2", "Validation 1 - R2", 0.75),
        (R2, 1.25, "-0.25", "test R2", "Validation 1 - R2", -0.25),
        (BITS_PER_BYTE, 1.9, "1.9 bits/byte", "test bits per byte", "Validation bits per byte", 1.9),
        (SQUARES, 1.9, "1.9", "test mean squared error", "Validation mean squared error", 1.9),
    ],
)
def test_a_metric_reads_as_people_expect(metric, error, text, title, label, value):
    assert metric.text(error) == text and metric.number(error) == text.partition(" ")[0]
    assert (metric.title("test"), metric.value(error)) == (title, pytest.approx(value))
    assert metric.error_label == label and f"{metric}" == metric.name
    assert metric.error_scale == (100.0 if "%" in text else 1.0)
