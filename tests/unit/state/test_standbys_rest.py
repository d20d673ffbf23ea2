"""A worker that stands by for nobody does nothing about it."""

import asyncio

from app.state.standby import Standbys
from app.worker import TickApp


async def test_with_nothing_to_follow_it_waits_for_the_next_change(application: TickApp) -> None:
    """That there is nothing is taken note of once: else it would ask again and again."""
    standbys = Standbys(application.tasks)
    standbys.follow(())
    async with standbys:
        async with asyncio.timeout(10):
            while standbys._changed.is_set():  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0)
