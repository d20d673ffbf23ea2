"""Long answers yield to the event loop now and then."""

import asyncio
from collections.abc import Iterator

import pytest

from eventfold.web.query import local
from eventfold.web.query.local import collect


async def test_other_tasks_run_while_items_are_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After each slice of time; the items are all there, in order."""
    monkeypatch.setattr(local, "SLICE", 0.0)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def items() -> Iterator[int]:
        for number in range(50):
            # Time passes while an item is made.
            begun = loop.time()
            while loop.time() == begun:
                pass
            yield number

    loop = asyncio.get_running_loop()
    running = asyncio.create_task(other())
    assert await collect(items()) == list(range(50))
    running.cancel()
    assert turns >= 49
