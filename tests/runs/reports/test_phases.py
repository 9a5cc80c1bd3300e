"""The phases of language models in a report: only where networks decode, measured where they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runs.objectives import OBJECTIVES
from runs.reports.answer import headline
from runs.reports.tables import phase_table
from runs.reports.terminal import terminal_lines


def test_the_phases_stand_where_networks_decode(report_data):
    assert phase_table(report_data).rows == ()

    def decoder(network):
        return replace(
            network,
            objectives={**network.objectives, "cache_bytes": 2048.0, "decode_ms": 0.5},
            decode_measured_ms=0.25 if network.latency_measured_ms else None,
        )

    decoders = replace(report_data, networks=tuple(map(decoder, report_data.networks)), sequences=2)
    rows = [[cell.text for cell in row] for row in phase_table(decoders).rows]
    assert rows
    for row in rows:
        took = row[-1] == "measured"
        assert row[2:5] == (["0.250 ms", "8000", "2.05 kB"] if took else ["0.500 ms", "4000", "2.05 kB"])
    assert any("each further" in line for line in terminal_lines(decoders))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ttft_ms", 12.0, "12.0 ms to the first token, "),
        ("tokens_per_s", 810.0, "810 tokens/s, "),
        ("cache_bytes", 2048.0, "2.05 kB of cache, "),
    ],
)
def test_the_answer_says_what_a_phase_costs(report_data, name, value, said):
    networks = tuple(replace(n, objectives={**n.objectives, name: value}) for n in report_data.networks)
    objectives = (report_data.quality, OBJECTIVES[name])
    data = replace(report_data, networks=networks, objectives=objectives, hypervolume_reference=(35.0, 1e4))
    assert said in headline(data)
