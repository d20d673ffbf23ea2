"""BENCH_INPUT -> large -> BENCH_OUTPUT: large ticks, one by one, in order.

A stateless operator: records and position are written in one transaction, so none is sent twice.
"""

import os
from collections.abc import AsyncIterable

from app import app
from app.market.records import Tick
from bench.workloads import LARGE
from eventfold.engine.batch import Batch
from eventfold.engine.stateless import StatelessOperator
from eventfold.operators.processor import Sender
from eventfold.topics import Topic

TICKS = Topic(
    os.environ["BENCH_INPUT"], Tick, key="symbol", purpose="trades of the market", external=True
)
LARGE_TICKS = Topic(
    os.environ["BENCH_OUTPUT"], Tick, key="symbol", purpose="large trades", external=True
)


def pass_large(tick: Tick, sender: Sender) -> None:
    """Send a tick on if it is large."""
    if tick.size >= LARGE:
        sender.send(tick)


large_ticks = StatelessOperator(
    app,
    name="large",
    source=TICKS,
    make=pass_large,
    outputs=[LARGE_TICKS],
    help="Ticks of a large size",
)


@app.agent(app.batches(TICKS))
async def pass_large_ticks(batches: AsyncIterable[Batch]) -> None:
    """Send large ticks on in order."""
    async for batch in batches:
        await large_ticks.fold(batch)
