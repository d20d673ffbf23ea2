"""Live events take their share of the event loop, however many read them."""

import asyncio
from collections.abc import Iterator

import pytest
from work_loop import WorkLoop

from eventfold.web.live.hub import BURST, CLIENT_SHARE, FEED_SHARE, SHARE
from eventfold.web.protection.budget import Budget

#: Seconds for which they are read, and of the loop that one send takes.
WHILE, COST = 60.0, 0.002


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Run coroutines on a loop whose clock is moved by work and by waiting."""
    with asyncio.Runner(loop_factory=WorkLoop) as runner:
        yield runner


def loop_of(runner: asyncio.Runner) -> WorkLoop:
    """Return the loop of a runner."""
    loop = runner.get_loop()
    assert isinstance(loop, WorkLoop)
    return loop


@pytest.mark.parametrize("readers", [1, 50, 600])
def test_any_number_of_readers_takes_its_share_and_no_reader_is_forgotten(
    runner: asyncio.Runner, readers: int
) -> None:
    """Whether work is done in a turn or awaited after it; few readers take what they need."""
    loop = loop_of(runner)
    budget = Budget(SHARE, BURST, None, loop.time, lambda: loop.worked)
    sent = [0] * readers

    async def step() -> None:
        loop.work(COST / 2)
        await asyncio.sleep(0.01)

    async def read(number: int) -> None:
        while loop.now < WHILE:
            async with budget.turn():
                loop.work(COST / 2 if number % 2 else COST)
            if number % 2:
                await budget.run(step())
            sent[number] += 1
            await asyncio.sleep(0.1)

    async def all_of_them() -> None:
        await asyncio.gather(*map(read, range(readers)))

    runner.run(all_of_them())
    # When the time is over, each reader that waits still has its turn.
    assert loop.worked <= SHARE * loop.now + BURST + COST
    fair = min(SHARE * WHILE / COST / readers, WHILE / 0.2)
    assert min(sent) > 0.7 * fair


def test_a_crowd_at_one_address_delays_nobody_at_another(runner: asyncio.Runner) -> None:
    """What the crowd may take at most leaves time for others, and a debt is never large."""
    loop = loop_of(runner)
    budget = Budget(SHARE, BURST, CLIENT_SHARE, loop.time, lambda: loop.worked)
    waits = []

    async def crowd() -> None:
        while loop.now < WHILE:
            async with budget.turn("crowd"):
                loop.work(10 * COST)

    async def other() -> None:
        while loop.now < WHILE:
            begun = loop.now
            async with budget.turn("other"):
                waits.append(loop.now - begun)
                loop.work(COST)
            await asyncio.sleep(1)

    async def all_of_them() -> None:
        await asyncio.gather(*(crowd() for _ in range(600)), other())

    runner.run(all_of_them())
    assert len(waits) > 0.8 * WHILE
    assert max(waits) < 1


def test_all_live_events_together_take_less_than_a_third() -> None:
    """So that folding keeps two thirds at least."""
    assert FEED_SHARE + SHARE < 1 / 3
