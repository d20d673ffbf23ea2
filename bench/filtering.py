"""BENCH_INPUT -> large -> BENCH_OUTPUT: ticks of some size, one by one, as they came.

A table that says every change: each record gives a result, and what is written stands in one
transaction with the position, so that none is passed on twice.
"""

import os
from collections.abc import AsyncIterable

from msgspec import Struct

from app import app
from app.records import Tick
from app.state.batch import Batch
from app.state.window_table import WindowTable
from app.topics import Topic
from app.windows import WindowResult, every_change
from bench.workloads import LARGE

TICKS = Topic(os.environ["BENCH_INPUT"], "symbol", Tick, "trades of the market")
LARGE_TICKS = Topic(os.environ["BENCH_OUTPUT"], "symbol", Tick, "those of some size")


class Kept(Struct, gc=False):
    """The last tick; None of no ticks."""

    tick: Tick | None = None


class LastTick:
    """Keeps what was added last."""

    state, version = Kept, 1

    def zero(self) -> Kept:
        """Give the state of no ticks."""
        return Kept()

    def add(self, state: Kept, tick: Tick, _time: int, _offset: int) -> None:
        """Keep a tick instead of the one before."""
        state.tick = tick

    def merge(self, left: Kept, right: Kept) -> Kept:
        """Give the later of both."""
        return left if right.tick is None else right


def large(result: WindowResult) -> Tick | None:
    """Give the tick of a result if it is large; final results have been said before."""
    tick = result.state.tick
    return tick if tick.size >= LARGE and not result.final else None


last_ticks = WindowTable(
    app,
    name="large",
    source=TICKS,
    windows="1h",
    aggregate=LastTick(),
    record=lambda result: result.state.tick,
    grace="1m",
    retention="2h",
    emission=every_change(),
    help="The last tick of each symbol",
)
last_ticks.publish(LARGE_TICKS, large)


@app.agent(app.batches(TICKS))
async def pass_large_ticks(batches: AsyncIterable[Batch]) -> None:
    """Pass on what is large, as it came."""
    async for batch in batches:
        await last_ticks.fold(batch)
