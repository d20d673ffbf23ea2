"""BENCH_INPUT -> BENCH_OUTPUT: ticks of some size, an ordinary Faust agent, one event at a time."""

import os
from collections.abc import AsyncIterable

import msgspec

from app import app
from app.records import Tick
from bench.workloads import LARGE

ticks = app.topic(os.environ["BENCH_INPUT"], value_serializer="raw")
large_ticks = app.topic(os.environ["BENCH_OUTPUT"], value_serializer="raw")
decode = msgspec.json.Decoder(Tick).decode


@app.agent(ticks)
async def pass_large_ticks(values: AsyncIterable[bytes]) -> None:
    """Pass on what is large, as it came."""
    async for value in values:
        tick = decode(value)
        if tick.size >= LARGE:
            await large_ticks.send(key=tick.symbol.encode(), value=value)
