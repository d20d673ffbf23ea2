"""docs/streams.md: its code is one module that runs, and it describes each public name."""

import re
from pathlib import Path
from typing import Any

import pytest

import eventfold as ef
from eventfold.testing import TopologyDriver

GUIDE = (Path(__file__).parents[2] / "docs" / "streams.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def module() -> dict[str, Any]:
    """Run the blocks of the page, one after the other, as a user would write them."""
    names: dict[str, Any] = {"__name__": "streams_guide"}
    for block in BLOCKS:
        exec(block, names)  # noqa: S102  # our own page
    return names


def test_streams_of_the_page_run(module: dict[str, Any]) -> None:
    """One visit goes through each of them."""
    visit = module["Visit"]
    with TopologyDriver(module["app"], partitions=2) as driver:
        now = driver.now
        driver.pipe(module["visits"], *[visit("DE", "/", 60, now + n) for n in range(10)])
        driver.pipe(
            module["visits"], visit("FR", "/", 1, now + 1_200_000), timestamp=now + 1_200_000
        )
        driver.settle()
        page = next(each for each in driver.read(module["page_times"]) if each.count == 10)
        assert (page.page, page.visits, page.longest, page.mean) == ("/", 10, 60, 1.0)
        (hour,) = module["numbers"].read("/", module["numbers"].windows[0], now, now + 1)
        assert (hour.total, hour.stays.open, hour.longest, hour.exit) == (601, 60.0, [60] * 3, "FR")
        assert [each.minutes for each in driver.read(module["stays"].topics[0])] == [1.0] * 10
        (_, elsewhere) = module["by_region"].topics
        assert driver.read(elsewhere) == []
        ranking = driver.read(module["busiest"].topics[0])[-1]
        assert ranking.rank[0].page == "/"
        assert module["folded"].read("/", module["folded"].windows[0], now, now + 1)[0].visits == 10


def test_page_describes_every_public_name() -> None:
    """A name that is added is described."""
    missing = [name for name in ef.__all__ if not re.search(rf"\b{name}\b", GUIDE)]
    assert missing == []
