"""docs/windows.md: the engine computes the results of every time-line, and the code runs."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from partition_driver import Drive
from timelines import Timeline, outside, read, run, show

from app.worker import TickApp
from eventfold import windows
from eventfold.engine.window_table import WindowTable
from eventfold.windows import Calendar, Window, parse_window, parsing

DOC = (Path(__file__).parents[3] / "docs" / "windows.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^##+ (.+)\n((?:(?!##).*\n)*)", DOC, re.MULTILINE))
PYTHON = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
#: Time lines, with section and number as ids.
TIMELINES = [
    pytest.param(read(block), id=f"{title} {number}")
    for title, section in SECTIONS.items()
    for number, block in enumerate(re.findall(r"```timeline\n(.*?)```", section, re.DOTALL), 1)
]


def kind_of(window: Any) -> str:
    """Return the name of the function that makes such windows."""
    if isinstance(window, Window):
        grid = "hopping" if window.advance < window.size else "tumbling"
        return f"{grid} with an offset" if window.offset else grid
    return window.period if isinstance(window, Calendar) else type(window).__name__.lower()


def kinds() -> set[str]:
    """Return every window definition that has a text form: what `parse_window` can make."""
    makers = {
        name
        for name, value in vars(parsing).items()
        if inspect.isfunction(value) and value.__module__ != parsing.__name__
    }
    makers -= {"parse_grid", "parse_duration"}
    return makers | {"tumbling", "tumbling with an offset", "hopping"}


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("timeline", TIMELINES)
def test_each_time_line_shows_the_results_of_the_engine(
    application: TickApp, drive: Drive, timeline: Timeline, batch: int
) -> None:
    """Windows, late events and events outside; events come one by one or all at once."""
    outcome = run(timeline, application, drive, batch)
    assert show(outcome.out) == show(timeline.out)
    assert outcome.late_events == timeline.late_events
    assert outside(timeline) == timeline.outside
    finals = [each for each in outcome.published if each.final]
    assert [each for each in timeline.out if each.final and each not in finals] == []
    assert len(finals) == len(set(finals)), "a final window is published once"


@pytest.mark.parametrize("timeline", [each for each in TIMELINES if each.values[0].published])
def test_a_time_line_lists_the_published_results_in_order(
    application: TickApp, drive: Drive, timeline: Timeline
) -> None:
    """With a publication after each event."""
    outcome = run(timeline, application, drive, 1)
    assert show(outcome.published) == show(timeline.published or [])


def test_every_window_definition_has_a_time_line() -> None:
    """A new one in `eventfold/windows/parsing.py` fails here until the guide explains it."""
    assert len(TIMELINES) == DOC.count("```timeline")
    drawn = {kind_of(parse_window(each.values[0].windows)) for each in TIMELINES}
    assert kinds() - drawn == set()


def test_a_section_names_the_window_of_its_time_line() -> None:
    """The text form in a section is that of its time line."""
    for title, section in SECTIONS.items():
        lines = re.findall(r'`windows="([^"]+)"`', section)
        for window in re.findall(r"^windows: +(.+?) *$", section, re.MULTILINE):
            assert window in lines or not lines, title
        assert [str(parse_window(each)) for each in lines] == lines


def test_text_and_function_of_a_window_definition_are_equal() -> None:
    """In each row of the guide's table, which has all definitions."""
    table = re.findall(r'^\| `"([^"]+)"` \| `(.+?)` \|', DOC, re.MULTILINE)
    for text, function in table:
        assert eval(function, vars(windows)) == parse_window(text), text  # noqa: S307  # our page
    assert {kind_of(parse_window(text)) for text, _ in table} >= kinds()


@pytest.mark.parametrize("block", PYTHON)
def test_the_code_of_the_guide_runs(application: TickApp, block: str) -> None:
    """Unchanged, in an application that is never started."""
    names: dict[str, Any] = {"app": application}
    exec(block.replace("from app import app\n", ""), names)  # noqa: S102  # our own page
    assert any(isinstance(value, WindowTable) for value in names.values())
