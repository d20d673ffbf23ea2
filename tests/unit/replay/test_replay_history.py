"""Which records of a partition stand in the interval, as stream time divides it."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from app.replay.history import History
from app.replay.selection import Interval


def history(*, begin: int = 0, cut: bool = False) -> History:
    """Give the history of a partition of 20 records, of which the interval is [100, 200)."""
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
        self.raw = [SimpleNamespace(timestamp=time) for time in times]
        self.end = begin + len(times)
        self.decoded = SimpleNamespace(times=list(times), offsets=list(range(begin, self.end)))

    def __len__(self) -> int:
        return len(self.raw)


def see(found: History, *batches: Any) -> History:
    """Let it see batches."""
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


def test_a_partition_that_never_gets_there_has_nothing_in_the_interval() -> None:
    """Nor has one without records."""
    assert not see(history(), Records(0, 50, 60)).within(0)
    assert not history().within(0)
