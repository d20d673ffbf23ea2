"""Records of a partition in the interval, as stream time divides it."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from eventfold.replay.history import History
from eventfold.replay.selection import Interval


def history(*, begin: int = 0, cut: bool = False) -> History:
    """Return the history of a partition of 20 records, of which the interval is [100, 200)."""
    return History(
        tp=TopicPartition("ticks", 0),
        by_record=True,
        begin=begin,
        end=20,
        expected=20,
        interval=Interval(100, 200),
        until=230,
        cut=cut,
        doubt=10,
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


def see(found: History, *batches: Any) -> History:
    """Pass batches to a history, and return it."""
    for each in batches:
        found.see(each)
    return found


@pytest.mark.parametrize("cuts", [(7,), (1, 6), (3, 4), (1, 1, 1, 1, 1, 1, 1)])
def test_the_interval_begins_and_ends_with_the_first_record_that_gets_there(
    cuts: tuple[int, ...],
) -> None:
    """Whatever comes late, and however batches are cut."""
    times, batches, at = [50, 90, 120, 80, 190, 210, 150], [], 0
    for size in cuts:
        batches.append(Records(at, *times[at : at + size]))
        at += size
    found = see(history(), *batches)
    assert [found.within(offset) for offset in range(7)] == [False] * 2 + [True] * 3 + [False] * 2
    assert (found.stream_time, found.position, found.records) == (210, 7, 7)


def test_nothing_more_is_read_when_the_last_window_is_final() -> None:
    """Which stream time says, or the end of the partition."""
    assert not see(history(), Records(0, 50, 229)).done
    assert see(history(), Records(0, 50, 230)).done
    assert see(history(begin=18), Records(18, 50, 60)).done


def test_what_was_deleted_leaves_doubt_about_what_follows_it() -> None:
    """An event may be so much ahead of its record: what is newer than that was all kept."""
    assert see(history(begin=5), Records(5, 95, 120)).known_from == 100
    assert see(history(begin=5, cut=True), Records(5, 95, 120)).known_from == 105
    assert see(history(begin=5, cut=True), Records(5, 20, 120)).known_from == 100


@pytest.mark.parametrize("timestamp", [-1, 0, None])
def test_records_without_a_kafka_timestamp_are_noticed(timestamp: int | None) -> None:
    """Others like them may stand before the first record that is read."""
    unstamped = Records(3, 120, 130)
    unstamped.raw[1].timestamp = timestamp
    assert see(history(), Records(0, 95, 105, 110), unstamped).unstamped == 4
    assert see(history(), Records(0, 95, 105)).unstamped is None


def test_a_partition_that_never_gets_there_has_nothing_in_the_interval() -> None:
    """Nor has one without records."""
    assert not see(history(), Records(0, 50, 60)).within(0)
    assert not history().within(0)


def test_where_kafka_s_timestamp_is_the_time_of_an_event_it_divides_the_partition() -> None:
    """What could not be read has one too."""
    records = Records(0, 50, 120, 210)
    records.decoded = SimpleNamespace(times=[1, 2], offsets=[1, 2])
    found = history()
    found.by_record = False
    see(found, records)
    assert [found.within(offset) for offset in range(3)] == [False, True, False]
    assert (found.stream_time, found.unstamped) == (210, None)
