"""Some hostile inputs of every reader and of the configuration, and that a failure would be seen."""

from __future__ import annotations

from tests.fuzz.__main__ import Summary
from tests.fuzz.guard import Outcome
from tests.fuzz.trying import Limits, tried


def test_some_inputs_are_read_or_refused_in_one_line(tmp_path):
    summary = Summary(limits=Limits(seconds=60))
    for result in tried(range(120), folder=tmp_path, limits=summary.limits):
        summary.add(*result)
    assert not summary.failures and summary.answers["read"] and summary.answers["refused"]


def test_what_ends_its_process_is_a_failure(tmp_path):
    limits = Limits(seconds=0.001)
    summary = Summary(limits=limits)
    for result in tried(range(3), folder=tmp_path, only=["ett"], limits=limits):
        summary.add(*result)
    assert summary.answers.total() == 3 and any("process ended with 1" in line for line in summary.failures)


def test_a_traceback_time_memory_and_a_file_elsewhere_are_failures():
    summary = Summary(limits=Limits(seconds=1, memory_bytes=5))
    summary.add(0, "a", Outcome(answer="KeyError", seconds=2, memory_bytes=9, outside=("open '/x'",)))
    assert len(summary.failures) == 4 and summary.outside == 1 and summary.as_dict()["failed"] == 1
