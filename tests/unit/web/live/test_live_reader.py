"""The queue of one reader of events: bounded, the newest wins."""

import asyncio

import msgspec

from eventfold.web.live.event import Event, shape_of
from eventfold.web.live.reader import Reader
from eventfold.web.live.watch import Watch, read_watches
from eventfold.windows.windowers import tumbling

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


def test_the_newest_result_of_a_window_is_all_that_waits() -> None:
    """It stands where it came, behind what came before it; other windows keep theirs."""
    reader = Reader([Watch("candles")])
    for event in (_candle(1), _candle(2, start=MINUTE), _candle(3), _candle(4, key="BBB")):
        reader.offer(event)
    assert _offsets(reader) == [2, 3, 4]
    assert reader.take() == ([], 0)


def test_entries_of_a_log_all_wait() -> None:
    """None of them replaces another, though they have one key."""
    reader = Reader([Watch("ticks-late")])
    for offset in range(5):
        reader.offer(_entry(offset))
    assert _offsets(reader) == [0, 1, 2, 3, 4]


def test_of_too_many_the_oldest_go_and_are_counted() -> None:
    """A reader that takes nothing costs its bound and no more."""
    reader = Reader([Watch("ticks-late")], most=10)
    for offset in range(100):
        reader.offer(_entry(offset))
    waiting, dropped = reader.take()
    assert ([event.offset for event in waiting], dropped) == (list(range(90, 100)), 90)
    assert reader.take() == ([], 0)


def test_what_is_watched_is_all_that_is_offered() -> None:
    """By topic, by key, by the kind of window."""
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


def test_what_is_no_json_of_ours_is_an_entry_of_its_own() -> None:
    """A user's topic may hold anything."""
    for value in (b"12.5", b"[]", b"no json", b'{"revision": "high"}', b""):
        assert shape_of(value).revision is None


def test_large_events_leave_room_for_fewer() -> None:
    """What waits is bounded in bytes too; what is dropped is counted, what is sent makes room."""
    reader = Reader([Watch("ticks-late")], most_bytes=1_000)
    for _ in range(2):
        for offset in range(20):
            reader.offer(_event("ticks-late", offset, "AAA", {"text": "x" * 189}))
        taken, dropped = reader.take()
        assert [event.offset for event in taken] == [15, 16, 17, 18, 19]
        assert dropped == 15
