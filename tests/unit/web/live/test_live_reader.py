"""The queue of one reader of events: bounded, the newest wins."""

import asyncio

import msgspec

from eventfold.web.live.event import Event, shape_of
from eventfold.web.live.reader import Reader
from eventfold.web.live.subscription import Watch, read_watches
from eventfold.windows.fixed import tumbling

MINUTE = 60_000


def _candle(offset: int, *, key: str = "AAA", start: int = 0, size: int = MINUTE) -> Event:
    value = {"symbol": key, "size": size, "advance": size, "start": start, "revision": 2 * offset}
    return _event("candles", offset, key, value)


def _entry(offset: int) -> Event:
    return _event("ticks-late", offset, "AAA", {"symbol": "AAA", "offset": offset})


def _event(topic: str, offset: int, key: str, record: object) -> Event:
    value = msgspec.json.encode(record)
    return Event(topic, 0, offset, key, value, shape_of(value))


def _offsets(reader: Reader) -> list[int]:
    return [event.offset for event in reader.take()[0]]


def test_newer_result_of_a_window_replaces_the_queued_one() -> None:
    """It is queued after what came before it; other windows keep their results."""
    reader = Reader([Watch("candles")])
    for event in (_candle(1), _candle(2, start=MINUTE), _candle(3), _candle(4, key="BBB")):
        reader.offer(event)
    assert _offsets(reader) == [2, 3, 4]
    assert reader.take() == ([], 0)


def test_entries_of_a_log_are_all_queued() -> None:
    """None of them replaces another, though they have one key."""
    reader = Reader([Watch("ticks-late")])
    for offset in range(5):
        reader.offer(_entry(offset))
    assert _offsets(reader) == [0, 1, 2, 3, 4]


def test_full_queue_drops_and_counts_the_oldest_events() -> None:
    """A reader that takes nothing costs no more than the limit."""
    reader = Reader([Watch("ticks-late")], most=10)
    for offset in range(100):
        reader.offer(_entry(offset))
    waiting, dropped = reader.take()
    assert ([event.offset for event in waiting], dropped) == (list(range(90, 100)), 90)
    assert reader.take() == ([], 0)


def test_reader_wants_only_what_it_watches() -> None:
    """By topic, by key, by window definition."""
    reader = Reader([Watch("candles", "AAA", tumbling(MINUTE)), Watch("ticks-late")])
    assert reader.wants(_candle(1))
    assert reader.wants(_entry(1))
    assert not reader.wants(_candle(1, key="BBB"))
    assert not reader.wants(_candle(1, size=5 * MINUTE))
    assert not reader.wants(_event("surges", 1, "AAA", {}))


async def test_a_wait_ends_with_the_first_event() -> None:
    """However long it might have been."""
    reader = Reader(read_watches("candles"))
    waiting = asyncio.create_task(reader.wait(60))
    reader.offer(_candle(1))
    await waiting
    assert _offsets(reader) == [1]
    await reader.wait(0)


def test_value_without_a_revision_is_a_log_entry() -> None:
    """A user's topic may hold anything."""
    for value in (b"12.5", b"[]", b"no json", b'{"revision": "high"}', b""):
        assert shape_of(value).revision is None


def test_queue_of_large_events_holds_fewer() -> None:
    """The queue is bounded in bytes too; dropped events are counted, sent ones make room."""
    reader = Reader([Watch("ticks-late")], most_bytes=1_000)
    for _ in range(2):
        for offset in range(20):
            reader.offer(_event("ticks-late", offset, "AAA", {"text": "x" * 189}))
        taken, dropped = reader.take()
        assert [event.offset for event in taken] == [15, 16, 17, 18, 19]
        assert dropped == 15
