"""Ratios and spreads of the comparison, and the report of contestants that were not measured."""

from xml.etree import ElementTree as ET

from bench.chart import draw
from bench.report import ratios, spread, summary
from bench.trial import Outcome
from bench.workloads import WORKLOADS

MACHINE = {
    "cpu": "some CPU",
    "cores": 2,
    "memory_bytes": 2**34,
    "kernel": "Linux",
    "kafka": "4.1.0",
    "java": "25",
    "python": "3.11.2",
}


def correct_run(rate: float) -> Outcome:
    """Return the outcome of a correct run."""
    return Outcome(1_000_000, rate=rate, cpu=4.0, memory=2**27, results=5, wrong=0)


def summary_of_two_rounds() -> dict:
    """Return the summary of two rounds."""
    rounds = {
        "tickstream": [correct_run(300.0), correct_run(200.0)],
        "kafka-streams": [correct_run(200.0), correct_run(100.0)],
        "quix": [Outcome(1_000, reason="<no> such program")] * 2,
    }
    return summary(WORKLOADS["tumbling"], rounds, {"quix": "3"}, MACHINE, "kafka-streams")


def test_ratios_compare_runs_of_the_same_round() -> None:
    """A slow machine slows both runs down."""
    assert ratios([3, 2, None, 1], [2, 1, 1, None]) == [1.5, 2, None, None]


def test_spread_leaves_out_failed_rounds() -> None:
    """A failed round has no figure; without any figure there is no spread."""
    assert spread([3, None, 1, 2]) == {"median": 2, "min": 1, "max": 3}
    assert spread([None]) is None


def test_a_summary_has_the_figures_of_the_table() -> None:
    """A contestant without figures has the reason."""
    each = summary_of_two_rounds()["contestants"]
    assert each["tickstream"]["ratio"] == {"median": 1.75, "min": 1.5, "max": 2.0}
    assert each["tickstream"]["cpu_per_million"]["median"] == 4.0
    assert each["quix"]["rate"] is None
    assert each["quix"]["reason"] == "<no> such program"


def test_chart_is_svg_with_a_bar_for_each_measured_contestant() -> None:
    """The others are named with the reason."""
    svg = ET.fromstring(draw([summary_of_two_rounds()]))  # noqa: S314  # our own
    names = {"svg": "http://www.w3.org/2000/svg"}
    assert len(svg.findall("svg:rect", names)) == 2
    words = [each.text for each in svg.findall("svg:text", names)]
    assert "<no> such program" in words
