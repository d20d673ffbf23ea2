"""docs/tutorial.md: its modules run, and end in the numbers that it names."""

import csv
import io
import re
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest

from eventfold.testing import TopologyDriver

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
STREAM, VISITS, TEST = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the page's `visits.py`, as a worker and the page's test do."""
    module = ModuleType("visits")
    monkeypatch.setitem(sys.modules, "visits", module)
    exec(STREAM, module.__dict__)  # noqa: S102  # our own page
    return module


def test_crash_leaves_the_numbers_of_the_page(stream: ModuleType) -> None:
    """The visits are those the page speaks of; a hundredth of them survives a crash exactly."""
    with redirect_stdout(io.StringIO()) as output:
        exec(VISITS, {})  # noqa: S102
    rows = list(csv.DictReader(output.getvalue().splitlines()))
    assert Counter(row["page"] for row in rows) == dict.fromkeys(("/a", "/b", "/c"), 100_000)
    assert len({int(row["time"]) // 300_000 for row in rows}) == 1

    begin = int(rows[0]["time"])
    visits = [stream.Visit(r["page"], int(r["seconds"]), int(r["time"])) for r in rows[:3_000]]
    with TopologyDriver(stream.app, tables=[stream.pages], partitions=2, start=begin) as driver:
        driver.pipe(stream.visits, *visits[:1_500])
        driver.crash()
        driver.pipe(stream.visits, *visits[1_500:])
        driver.settle()
        for page, longest in ("/a", 57), ("/b", 58), ("/c", 59):
            (window,) = stream.pages.read(page, stream.pages.windows[0], begin, begin + 1)
            assert (window.visits, window.longest, window.final) == (1_000, longest, False)


def test_the_test_of_the_page_passes(stream: ModuleType) -> None:
    """It is run as pytest would run it."""
    assert stream.app.conf.id == "visits"
    names: dict[str, object] = {}
    exec(TEST, names)  # noqa: S102
    [test] = [each for name, each in names.items() if name.startswith("test_")]
    assert callable(test)
    test()
