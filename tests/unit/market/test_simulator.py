"""The simulated market in real time and at full speed."""

import time
from itertools import islice

import pytest

from app.market import simulator
from app.market.simulator import fast_slices, live_slices
from app.market.walks import CLEAN, Market
from eventfold.connectors import Record


async def test_a_live_market_trades_at_its_rate_with_event_time_now() -> None:
    """600 ticks at 2,000/s take 0.3 s, and none is from the future."""
    begun, trades = time.time(), []
    async for records in live_slices(Market(step=0.5, flaws=CLEAN), 600):
        now = time.time() * 1000
        assert all(at <= now for _, _, at in records)
        trades += records
    assert len(trades) == 600
    assert time.time() - begun >= 0.299
    times = [at for _, _, at in trades]
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(299.5, abs=1)


async def test_paused_market_skips_the_trades_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an hour it continues at the present time, without an hour's ticks at once."""
    clock = [100_000_000.0]
    monkeypatch.setattr(simulator.time, "time", lambda: clock[0])
    slices: list[list[Record]] = []
    async for records in live_slices(Market(step=1000, flaws=CLEAN), 3):
        slices.append(records)
        clock[0] += 3600 if len(slices) == 1 else 1
    assert [[at for _, _, at in records] for records in slices] == [
        [100_000_000_000],
        [100_003_600_000],
        [100_003_601_000],
    ]


@pytest.mark.parametrize("count", [1, 1024, 5_000])
async def test_a_fast_market_gives_the_first_trades_from_its_start(count: int) -> None:
    """At full speed it sends exactly as many of its records as requested."""
    start = 1_700_000_000_000
    given = [r async for chunk in fast_slices(Market(step=2), start, count) for r in chunk]
    assert given == list(islice(Market(step=2).records(start), count))
