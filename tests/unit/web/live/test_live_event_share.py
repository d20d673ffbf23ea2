"""Live events take a limited share of the event loop, however many readers there are."""

import asyncio
from collections.abc import Iterator

import pytest
from simulated_loop import SimulatedLoop

from eventfold.web.live.hub import BURST, CLIENT_SHARE, FEED_SHARE, SHARE
from eventfold.web.protection.rate import Budget

#: Seconds for which events are read, and seconds of the loop that one send takes.
DURATION, COST = 60.0, 0.002


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Run coroutines on a loop whose clock is moved by work and by waiting."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        yield runner


def loop_of(runner: asyncio.Runner) -> SimulatedLoop:
    """Return the loop of a runner."""
    loop = runner.get_loop()
    assert isinstance(loop, SimulatedLoop)
    return loop


@pytest.mark.parametrize("readers", [1, 50, 600])
def test_readers_stay_within_their_share_and_none_starves(
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
        while loop.now < DURATION:
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
    fair = min(SHARE * DURATION / COST / readers, DURATION / 0.2)
    assert min(sent) > 0.7 * fair


def test_many_readers_of_one_address_delay_no_other_address(runner: asyncio.Runner) -> None:
    """The share of one address leaves time for the others, and its debt is never large."""
    loop = loop_of(runner)
    budget = Budget(SHARE, BURST, CLIENT_SHARE, loop.time, lambda: loop.worked)
    waits = []

    async def busy() -> None:
        while loop.now < DURATION:
            async with budget.turn("busy"):
                loop.work(10 * COST)

    async def other() -> None:
        while loop.now < DURATION:
            begun = loop.now
            async with budget.turn("other"):
                waits.append(loop.now - begun)
                loop.work(COST)
            await asyncio.sleep(1)

    async def all_of_them() -> None:
        await asyncio.gather(*(busy() for _ in range(600)), other())

    runner.run(all_of_them())
    assert len(waits) > 0.8 * DURATION
    assert max(waits) < 1


def test_all_live_events_take_less_than_a_third_of_the_loop() -> None:
    """So that folding keeps two thirds at least."""
    assert FEED_SHARE + SHARE < 1 / 3
