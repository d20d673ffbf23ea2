"""Window definitions as text: `parse_window` reads what `str` writes."""

import pytest
from every_window import SLIDING, WINDOWS
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import (
    Count,
    Session,
    WindowDefinition,
    count,
    cumulate,
    day,
    exchange,
    hopping,
    month,
    parse_window,
    session,
    sliding,
    tumbling,
    week,
)

CALENDARS = st.builds(
    lambda make, zone: make(zone),
    st.sampled_from([day, week, month]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]),
) | st.sampled_from(["XNYS", "24/7"]).map(exchange)
COUNTS = st.builds(lambda every, more: count(every + more, every), st.integers(1), st.integers(0))
CUMULATED = st.builds(cumulate, CALENDARS, st.integers(1, 86_399_999)) | st.builds(
    lambda step, steps: cumulate(step * steps, step), st.integers(1), st.integers(2, 1000)
)
ANY = WINDOWS | SLIDING | CALENDARS | CUMULATED | COUNTS | st.integers(1).map(session)


@given(ANY)
def test_parsing_the_text_of_a_window_returns_the_window(
    window: WindowDefinition | Session | Count,
) -> None:
    """For every kind; blanks around it don't matter."""
    assert parse_window(str(window)) == window
    assert parse_window(f" {window}\n") == window


@given(ANY, ANY)
def test_windows_are_equal_only_if_their_texts_are(one: object, other: object) -> None:
    """Kinds may consist of the same numbers: a minute every second, and 60 records."""
    assert (one == other) == (str(one) == str(other))


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("5m", tumbling(300_000)),
        ("5m/5m", tumbling("5m")),
        ("1h+15m", tumbling("1h", "15m")),
        ("5m/1m", hopping(300_000, 60_000)),
        ("5m/1m+30s", hopping("5m", "1m", "30s")),
        ("5m/event", sliding("5m")),
        ("5m/event~100ms", sliding("5m", "100ms")),
        ("cumulate 1d 5m", cumulate(tumbling("1d"), "5m")),
        ("cumulate 1d+6h 5m", cumulate(tumbling("1d", "6h"), "5m")),
        ("cumulate day Europe/Berlin 5m", cumulate(day("Europe/Berlin"), "5m")),
        ("cumulate exchange XNYS 5m", cumulate(exchange("XNYS"), "5m")),
        ("day Europe/Berlin", day("Europe/Berlin")),
        ("week UTC", week("UTC")),
        ("month Asia/Tokyo", month("Asia/Tokyo")),
        ("exchange XNYS", exchange("XNYS")),
        ("session 30m", session("30m")),
        ("count 100", count(100)),
        ("count 100/10", count(100, 10)),
    ],
)
def test_each_kind_of_window_is_parsed(text: str, window: object) -> None:
    """From the text that a person writes."""
    assert parse_window(text) == window


def test_session_and_count_windows_have_size_and_advance() -> None:
    """In ms for a session, in records for a count; they distinguish results."""
    assert (session("30m").size, session("30m").advance) == (1_800_000, 1_800_000)
    assert (count(100, 10).size, count(100, 10).advance) == (100, 10)
    assert (count(100).size, count(100).advance) == (100, 100)
