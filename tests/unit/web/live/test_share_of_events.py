"""Live events take their share of the event loop, however many read them."""

import asyncio

import pytest
from work_loop import WorkLoop

from eventfold.web.live.hub import BURST, SHARE
from eventfold.web.protection.budget import Budget

#: Seconds for which they are read, and of the loop that one send takes.
WHILE, COST = 60.0, 0.002


@pytest.mark.parametrize("readers", [1, 50, 600])
def test_any_number_of_readers_takes_its_share_and_no_reader_is_forgotten(readers: int) -> None:
    """Whether what is done is timed as a whole or in steps; few readers take what they need."""
    with asyncio.Runner(loop_factory=WorkLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WorkLoop)
        budget = Budget(SHARE, BURST, loop.time, lambda: loop.worked)
        sent = [0] * readers

        async def step() -> None:
            loop.work(COST)
            await asyncio.sleep(0.01)

        async def read(number: int) -> None:
            while loop.now < WHILE:
                await budget.afford()
                if number % 2:
                    await budget.run(step())
                else:
                    with budget.spending():
                        loop.work(COST)
                sent[number] += 1
                await asyncio.sleep(0.1)

        async def all_of_them() -> None:
            await asyncio.gather(*map(read, range(readers)))

        runner.run(all_of_them())
        # All that were let through at once may have begun before the first was charged.
        assert loop.worked <= SHARE * loop.now + BURST + readers * COST
        fair = min(SHARE * WHILE / COST / readers, WHILE / 0.2)
        assert min(sent) > 0.7 * fair
