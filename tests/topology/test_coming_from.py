"""docs/coming-from.md: the streams that run in this environment run, the other ones are Python."""

import re
from pathlib import Path
from typing import Any

import faust

from eventfold.testing import TopologyDriver

PAGE = (Path(__file__).parents[2] / "docs" / "coming-from.md").read_text(encoding="utf-8")
OURS, FAUST, *OTHERS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def run(block: str) -> dict[str, Any]:
    """Run a block as a module and return its names."""
    names: dict[str, Any] = {"__name__": "coming_from"}
    exec(block, names)  # noqa: S102  # our own page
    return names


def test_visits_are_counted_by_window() -> None:
    """A late visit counts within the grace, in the window of its own time."""
    stream = run(OURS)
    visit, pages = stream["Visit"], stream["pages"]
    with TopologyDriver(stream["app"], partitions=2) as driver:
        begin = driver.now // 300_000 * 300_000 - 600_000
        times = begin, begin + 330_000, begin + 299_999
        driver.pipe(stream["visits"], *[visit("/", 10, time) for time in times])
        driver.settle()
        windows = pages.read("/", pages.windows[0], begin, begin + 600_000)
        assert [(each.visits, each.late) for each in windows] == [(2, 1), (1, 0)]


def test_faust_accepts_its_stream() -> None:
    """Its windows are of five minutes, in seconds."""
    stream = run(FAUST)
    assert isinstance(stream["app"], faust.App)
    assert stream["windows"].table.window.ranges(0.0) == [(0.0, 299.9)]


def test_other_streams_are_python() -> None:
    """Their frameworks are not installed here: tests/broker/test_same_stream.py runs them."""
    assert len(OTHERS) == 2
    for block in OTHERS:
        compile(block, "coming-from.md", "exec")
