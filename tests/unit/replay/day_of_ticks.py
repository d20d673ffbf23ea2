"""A day of ticks that live has folded, to be replayed as a whole or for an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from memory_broker import MemoryBroker

from app import app
from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.replay import Interval, Report, replay, select
from eventfold.replay.history import History
from eventfold.testing import TopologyDriver
from eventfold.topics import Topic

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

#: 2026-01-31, and its hour from ten on.
MIDNIGHT = 1_769_817_600_000
WHOLE_DAY = Interval(MIDNIGHT, MIDNIGHT + DAY)
INTERVAL = Interval(MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR)

#: Some share a partition, others have one of their own.
SYMBOLS = "ABCDEFG"

#: When records that are no ticks were sent (ms).
INVALID_RECORD_TIMES = (INTERVAL.begin - HOUR, INTERVAL.begin + HOUR // 2, INTERVAL.end + HOUR)


def ticks() -> list[tuple[Tick, int]]:
    """Return ticks with their Kafka timestamps (ms), in order of arrival."""
    found = []
    for number, symbol in enumerate(SYMBOLS):
        times = [MIDNIGHT - 2 * HOUR, MIDNIGHT]
        times += range(
            INTERVAL.begin - 2 * HOUR, INTERVAL.end + HOUR, 4 * MINUTE + 10 * SECOND * number
        )
        # Around the edges of the hour, and just before what a replay of it has to read.
        times += [INTERVAL.begin - 1, INTERVAL.begin, INTERVAL.end - 1, INTERVAL.end]
        times.append(INTERVAL.begin - app.tasks.conf.max_ahead - 1)
        for place, time in enumerate(sorted(times)):
            price = 100.0 + number + (place % 7 == number) * 2
            found.append((Tick(symbol, price, time), time))
            if place % 5 == 0:
                # Within the minute: the price of a surge.
                found.append((Tick(symbol, price * 1.01, time + 9 * SECOND), time + 9 * SECOND))
            if place % 6 == 0:
                found.append((Tick(symbol, price, time - 7 * MINUTE), time + 10 * SECOND))
        # Then the last windows are final, those of the day too.
        end = WHOLE_DAY.end + 5 * HOUR
        found.append((Tick(symbol, 100.0, end), end))
    return sorted(found, key=lambda each: each[1])


class ProgressRecorder:
    """Progress that a replay reports."""

    def __init__(self) -> None:
        self.plan: list[History] = []
        self.replays: list[tuple[int, int]] = []
        self.comparisons: list[tuple[int, int]] = []

    def planned(self, histories: Sequence[History]) -> None:
        """Note it."""
        self.plan = list(histories)

    def replayed(self, done: int, total: int) -> None:
        """Note it."""
        self.replays.append((done, total))

    def compared(self, done: int, total: int) -> None:
        """Note it."""
        self.comparisons.append((done, total))


def run_live() -> MemoryBroker:
    """Fold the ticks of the day, and return the broker with all results."""
    tables = select(app, ["ticks"]).tables
    with TopologyDriver(app, tables=tables, start=WHOLE_DAY.end + DAY) as driver:
        sent: list[tuple[Tick | None, int]] = [
            *ticks(),
            *((None, time) for time in INVALID_RECORD_TIMES),
        ]
        for tick, timestamp in sorted(sent, key=lambda each: each[1]):
            if tick is None:
                driver.pipe_raw(TICKS, b"A", b"?", timestamp=timestamp)
            else:
                driver.pipe(TICKS, tick, timestamp=timestamp)
        driver.settle()
        return MemoryBroker(driver)


async def run_replay(
    broker: MemoryBroker,
    interval: Interval,
    *topics: str,
    warm_up: int | None = None,
    watch: ProgressRecorder | None = None,
    rederive: bool = False,
) -> Report:
    """Replay an interval of a broker's records; all results of ticks, if no topic is named."""
    # Nothing is published twice, so checkpoints need not wait.
    conf = app.tasks.conf.model_copy(update={"checkpoint_interval": 20, "publish_interval": 20})
    with broker.as_only_broker():
        return await replay(
            app,
            select(app, topics or ["ticks"], rederive=rederive),
            interval,
            warm_up=warm_up,
            conf=conf,
            watch=watch or ProgressRecorder(),
        )


def values(broker: MemoryBroker, topic: Topic) -> list[dict[str, Any]]:
    """Return the decoded records of a topic."""
    return [msgspec.json.decode(each.value or b"{}") for each in broker.records(topic.base_name)]
