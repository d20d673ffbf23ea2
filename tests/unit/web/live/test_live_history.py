"""The last records of a partition: bounded in number and in bytes."""

from eventfold.web.live.feed import History, Kept


def test_history_of_large_records_keeps_fewer() -> None:
    """The newest are kept, and the history knows where it begins."""
    history = History(10, kept=100, kept_bytes=1_000)
    for offset in range(10, 60):
        history.add(Kept(offset, b"key", b"x" * 97))
    assert [record.offset for record in history.since(0)] == list(range(50, 60))
    assert (history.begin, history.end) == (50, 60)


def test_record_larger_than_the_byte_limit_is_not_kept() -> None:
    """A reader that reconnects continues after it."""
    history = History(0, kept_bytes=1_000)
    history.add(Kept(0, b"key", b"x" * 2_000))
    assert list(history.since(0)) == []
    assert (history.begin, history.end) == (1, 1)
    history.add(Kept(1, b"key", b"x"))
    assert [record.offset for record in history.since(0)] == [1]
