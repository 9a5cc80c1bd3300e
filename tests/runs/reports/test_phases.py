"""The phases of language models in a report: only where networks decode, measured where they were."""

from __future__ import annotations

from dataclasses import replace

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
