"""Coverage of a replay of an hour of ticks, built by hand."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from app import app
from eventfold.replay.coverage import Coverage
from eventfold.replay.history import History
from eventfold.replay.results import Found
from eventfold.replay.selection import Interval, select

HOUR, MINUTE = 3_600_000, 60_000

#: Of a day: 2026-01-31 from ten to eleven.
BEGIN = 1_769_817_600_000 + 10 * HOUR
INTERVAL = Interval(BEGIN, BEGIN + HOUR)


def history(partition: int, **known: int) -> History:
    """Return a partition of ticks that was read from offset 100 to 200, of which 120 is in it."""
    found = History(
        tp=TopicPartition("ticks", partition),
        by_record=True,
        begin=100,
        end=200,
        expected=200,
        interval=INTERVAL,
        until=INTERVAL.end,
        truncated=False,
        max_lead=0,
    )
    found.position, found.first, found.last = 200, 110, 190
    for name, value in known.items():
        setattr(found, name, value)
    return found


def new_coverage(
    *histories: History,
    finalised: Mapping[int, int] | None = None,
    live: int = 200,
    interval: Interval = INTERVAL,
) -> Coverage:
    """Return the coverage of a replay with windows final by partition, and of live's offsets."""
    given = histories or (history(0), history(1))
    until = finalised or {each.tp.partition: INTERVAL.end for each in given}
    names = ("candles", "surges", "days")
    found = Coverage(
        select(app, []),
        interval,
        {each.tp: each for each in given},
        {(name, partition): time for name in names for partition, time in until.items()},
    )
    found.committed = {each.tp: live for each in given}
    return found


def window(start: int, minutes: int, partition: int | None = 0) -> Found:
    """Return a window of `minutes` that starts so many ms after the begin."""
    begin = BEGIN + start
    return Found(b"{}", begin, begin + minutes * MINUTE, partition, "")
