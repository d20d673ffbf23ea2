"""Records of a partition in the interval, as stream time divides it."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from eventfold.replay.history import History
from eventfold.replay.selection import Interval


def history(*, begin: int = 0, truncated: bool = False) -> History:
    """Return the history of a partition of 20 records, of which the interval is [100, 200)."""
    return History(
        tp=TopicPartition("ticks", 0),
        by_record=True,
        begin=begin,
        end=20,
        expected=20,
        interval=Interval(100, 200),
        until=230,
        truncated=truncated,
        max_lead=10,
    )


class Records:
    """Records of these times from an offset on, as a history reads a batch; sent at their times."""

    def __init__(self, begin: int, *times: int) -> None:
        self.end = begin + len(times)
        offsets = range(begin, self.end)
        self.raw = [
            SimpleNamespace(timestamp=time, offset=offset)
            for time, offset in zip(times, offsets, strict=True)
        ]
        self.decoded = SimpleNamespace(times=list(times), offsets=list(range(begin, self.end)))

    def __len__(self) -> int:
        return len(self.raw)


def after_reading(found: History, *batches: Any) -> History:
    """Pass batches to a history, and return it."""
    for each in batches:
        found.advance(each)
    return found


@pytest.mark.parametrize("cuts", [(7,), (1, 6), (3, 4), (1, 1, 1, 1, 1, 1, 1)])
def test_interval_begins_and_ends_where_stream_time_reaches_it(
    cuts: tuple[int, ...],
) -> None:
    """Whichever records are late, and however batches are cut."""
    times, batches, at = [50, 90, 120, 80, 190, 210, 150], [], 0
    for size in cuts:
        batches.append(Records(at, *times[at : at + size]))
        at += size
    found = after_reading(history(), *batches)
    assert [found.within(offset) for offset in range(7)] == [False] * 2 + [True] * 3 + [False] * 2
    assert (found.stream_time, found.position, found.records) == (210, 7, 7)


def test_reading_stops_when_the_last_window_is_final() -> None:
    """By stream time, or at the end of the partition."""
    assert not after_reading(history(), Records(0, 50, 229)).done
    assert after_reading(history(), Records(0, 50, 230)).done
    assert after_reading(history(begin=18), Records(18, 50, 60)).done


def test_deleted_records_make_the_following_events_uncertain() -> None:
    """An event may be ahead of its record by the maximum lead; newer events were all kept."""
    assert after_reading(history(begin=5), Records(5, 95, 120)).known_from == 100
    assert after_reading(history(begin=5, truncated=True), Records(5, 95, 120)).known_from == 105
    assert after_reading(history(begin=5, truncated=True), Records(5, 20, 120)).known_from == 100


@pytest.mark.parametrize("timestamp", [-1, 0, None])
def test_first_record_without_a_kafka_timestamp_is_noted(timestamp: int | None) -> None:
    """There may be others before the first record that is read."""
    unstamped = Records(3, 120, 130)
    unstamped.raw[1].timestamp = timestamp
    assert after_reading(history(), Records(0, 95, 105, 110), unstamped).unstamped == 4
    assert after_reading(history(), Records(0, 95, 105)).unstamped is None


def test_partition_that_ends_before_the_interval_has_nothing_in_it() -> None:
    """Nor has one without records."""
    assert not after_reading(history(), Records(0, 50, 60)).within(0)
    assert not history().within(0)


def test_kafka_timestamps_divide_a_partition_if_they_are_event_time() -> None:
    """Unreadable records have one too."""
    records = Records(0, 50, 120, 210)
    records.decoded = SimpleNamespace(times=[1, 2], offsets=[1, 2])
    found = history()
    found.by_record = False
    after_reading(found, records)
    assert [found.within(offset) for offset in range(3)] == [False, True, False]
    assert (found.stream_time, found.unstamped) == (210, None)
