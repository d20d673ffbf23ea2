"""BENCH_INPUT -> large -> BENCH_OUTPUT: ticks of some size, one by one, as they came.

A stateless operator: nothing is kept, and what is written stands in one transaction with the
position, so that none is passed on twice.
"""

import os
from collections.abc import AsyncIterable

from app import app
from app.market.records import Tick
from bench.workloads import LARGE
from eventfold.engine.batch import Batch
from eventfold.engine.step import Step
from eventfold.operators.processor import Sender
from eventfold.topics import Topic

TICKS = Topic(os.environ["BENCH_INPUT"], "symbol", Tick, "trades of the market", external=True)
LARGE_TICKS = Topic(os.environ["BENCH_OUTPUT"], "symbol", Tick, "those of some size", external=True)


def pass_large(tick: Tick, sender: Sender) -> None:
    """Pass a tick on if it is large."""
    if tick.size >= LARGE:
        sender.send(tick)


large_ticks = Step(
    app,
    name="large",
    source=TICKS,
    make=pass_large,
    outputs=[LARGE_TICKS],
    help="The ticks of some size",
)


@app.agent(app.batches(TICKS))
async def pass_large_ticks(batches: AsyncIterable[Batch]) -> None:
    """Pass on what is large, as it came."""
    async for batch in batches:
        await large_ticks.fold(batch)
