"""docs/aggregates.md: its examples run, and its table lists every aggregate."""

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aggregate_laws import Event, folded, merged_at_random, restored

from eventfold import aggregates
from eventfold.aggregates import layout_of, value_of

DOC = (Path(__file__).parents[3] / "docs" / "aggregates.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)


def run(block: str) -> dict[str, Any]:
    """Run a code block and return the names it defines."""
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102  # our own page
    return names


@pytest.mark.parametrize("block", BLOCKS)
def test_code_of_the_page_runs(block: str) -> None:
    """Unchanged, with its own imports."""
    run(block)


def test_custom_aggregate_of_the_page_takes_ten_lines_and_works() -> None:
    """It computes its share, merges in any order and is restored from a row."""
    block = next(block for block in BLOCKS if "def merge" in block)
    names = run(block)
    lines = [line for line in block[block.index("class SlowShare") :].splitlines() if line]
    assert len(lines) == 10
    own = names["SlowShare"]()
    some = [Event(at, at, price=float(price)) for at, price in enumerate([10, 2000, 500, 1500])]
    state = folded(own, some)
    assert own.value(state) == 0.5
    assert value_of(own, folded(own, [])) is None
    parts = [folded(own, [event]) for event in some]
    assert restored(own, merged_at_random(own, parts, Random(1))) == state
    assert layout_of(own) == "SlowShare 1"


def test_page_lists_every_aggregate() -> None:
    """Each that can be imported has a row in its table."""
    known = {
        name
        for name in aggregates.__all__
        if hasattr(getattr(aggregates, name), "merge") and name != "Aggregate"
    }
    named = set(re.findall(r"^\| `(\w+)\(", DOC, re.MULTILINE))
    assert named == known
