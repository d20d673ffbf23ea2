"""Subscription and position of a reader, formatted as text and parsed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.web.live.feed import History, Kept
from eventfold.web.live.subscription import Watch, read_cursor, read_watches, write_cursor
from eventfold.windows.fixed import hopping, tumbling

_TOPICS = st.from_regex(r"[a-z][a-z.-]{0,10}", fullmatch=True)
_OFFSETS = st.dictionaries(st.integers(0, 12), st.integers(0, 2**62), min_size=1)


@given(st.dictionaries(_TOPICS, _OFFSETS))
def test_cursor_survives_formatting_and_parsing(cursor: dict[str, dict[int, int]]) -> None:
    """Whatever partitions are known of each topic."""
    assert read_cursor(write_cursor(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "7", "candles", "candles:x", "candles:1.-2", "a:1,b", "é:٣"])
def test_invalid_cursor_is_read_as_no_position(text: str) -> None:
    """The id of another server is no reason to reject a reader."""
    assert read_cursor(text) == {}


def test_watches_are_topics_keys_and_windows() -> None:
    """Separated by commas; separators within a key are escaped."""
    text = "top-gainers,candles:ACME,candles:A%2CB%3A/C:5m/1m,candles:X:1m,candles::1m"
    assert read_watches(text) == [
        Watch("top-gainers"),
        Watch("candles", "ACME"),
        Watch("candles", "A,B:/C", hopping(300_000, 60_000)),
        Watch("candles", "X", tumbling(60_000)),
        Watch("candles", None, tumbling(60_000)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not name a topic"),
        (",,", "does not name a topic"),
        ("a:b:1m:c", "more parts"),
        ("a:b:five", "five"),
        ("a:b:session 5m", "not a time window"),
        (",".join(["a"] * 51), "too many"),
    ],
)
def test_invalid_watch_is_rejected_with_a_reason(text: str, reason: str) -> None:
    """The reason is shown to the client."""
    with pytest.raises(ValueError, match=reason):
        read_watches(text)


def test_history_knows_its_first_complete_offset() -> None:
    """The oldest records are dropped; a reader that asks for them has missed some."""
    history = History(100, kept=3)
    assert (history.begin, history.end) == (100, 100)
    for offset in (100, 102, 103, 107):  # markers of transactions take the offsets between
        history.add(Kept(offset, b"key", b"value"))
    assert (history.begin, history.end) == (101, 108)
    assert [record.offset for record in history.since(103)] == [103, 107]
