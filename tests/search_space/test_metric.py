"""What the result of a task is called, and how the error that stands for it reads."""

from __future__ import annotations

import pytest

from search_space.metric import ACCURACY, BITS_PER_BYTE, MEAN_SQUARED_ERROR


@pytest.mark.parametrize(
    ("metric", "text", "number", "error", "title", "label", "value"),
    [
        (ACCURACY, "98.10 %", "98.10", "1.9 % validation error", "test accuracy, %", "Validation error", 98.1),
        (BITS_PER_BYTE, "1.9 bits/byte", "1.9", "validation bits per byte 1.9", "test bits per byte", None, 1.9),
        (MEAN_SQUARED_ERROR, "1.9", "1.9", "validation mean squared error 1.9", "test mean squared error", None, 1.9),
    ],
)
def test_a_metric_reads_as_people_expect(metric, text, number, error, title, label, value):
    assert (metric.text(1.9), metric.number(1.9), metric.error_text(1.9)) == (text, number, error)
    assert (metric.title("test"), metric.value(1.9)) == (title, pytest.approx(value))
    assert metric.error_label == (label or f"Validation {metric.name}") and f"{metric}" == metric.name


def test_one_wrong_answer_is_the_least_that_a_share_can_err():
    assert ACCURACY.least_error(50) == 0.02 and MEAN_SQUARED_ERROR.least_error(50) == 0.0
    assert (ACCURACY.error_scale, BITS_PER_BYTE.error_scale) == (100.0, 1.0)
