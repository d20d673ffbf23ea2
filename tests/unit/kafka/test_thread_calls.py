"""A call into the thread of a service ends, whenever the thread does."""

import asyncio
import gc
import logging
import random

import pytest

from eventfold.kafka.thread_calls import CallableThread


class Thread(CallableThread):
    """A thread that runs the calls it is given."""


async def answer(turns: int) -> int:
    """Return `turns`, after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return turns


@pytest.mark.parametrize("seed", range(5))
async def test_no_call_outlives_the_thread(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each is answered or cancelled, none is logged as destroyed, none waits for ever."""
    pauses = random.Random(seed)
    with caplog.at_level(logging.ERROR, "asyncio"):
        for _ in range(20):
            thread = Thread()
            await thread.start()
            calls = []

            async def call(thread: Thread = thread, calls: list[asyncio.Task[int]] = calls) -> None:
                while not thread.thread_loop.is_closed():
                    turns = pauses.randrange(50)
                    calls.append(asyncio.ensure_future(thread.run_in_thread(answer(turns))))
                    await asyncio.sleep(0)

            caller = asyncio.ensure_future(call())
            await asyncio.sleep(0)
            await thread.stop()
            await caller
            done, pending = await asyncio.wait(calls, timeout=30)
            assert not pending
            assert all(each.cancelled() or each.exception() is None for each in done)
            with pytest.raises(asyncio.CancelledError):
                await thread.run_in_thread(answer(1))
    gc.collect()
    assert not caplog.records
