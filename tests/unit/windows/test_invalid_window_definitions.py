"""Invalid window definitions are rejected where they are made, in one line."""

from collections.abc import Callable
from typing import Any

import pytest

from eventfold.windows import (
    Count,
    DefinitionError,
    Session,
    Slices,
    count,
    cumulate,
    day,
    exchange,
    hopping,
    month,
    parse_window,
    parse_windows,
    session,
    sliding,
    tumbling,
    week,
)

GAPS = "the advance is larger than the size, events between two windows would be lost"
DURATION = "is not a duration such as 500ms, 30s, 5m, 4h or 8d"
ZONE = "is not an IANA time zone such as America/New_York"
EXCHANGE = "is not an exchange such as XNYS, XLON or XTKS"
ALIKE = "nobody could distinguish them, both are"
ALONE = "its panes are events, so a table can have no other window beside it"
LOST = "records between two windows would be lost"

DEFINITIONS: list[tuple[Callable[[], Any], str]] = [
    (lambda: tumbling(0), "window 0ms by 0ms: both have to be positive"),
    (lambda: hopping("5m", 0), "window 5m by 0ms: both have to be positive"),
    (lambda: tumbling(-300_000), "-5m is no duration: it is negative"),
    (lambda: tumbling(60_000.0), "60000.0 is neither whole milliseconds nor a text such as 5m"),
    (lambda: tumbling(True), "True is neither whole milliseconds nor a text such as 5m"),
    (lambda: tumbling(None), "None is neither whole milliseconds nor a text such as 5m"),
    (lambda: tumbling("5 minutes"), f"'5 minutes' {DURATION}"),
    (lambda: hopping("5m", "10m"), f"window 5m by 10m: {GAPS}"),
    (
        lambda: tumbling("1h", "1h"),
        "window 1h+1h: an offset of 1h has to be shorter than the advance, 1h",
    ),
    (
        lambda: hopping("1h", "5m", "6m"),
        "window 1h/5m+6m: an offset of 6m has to be shorter than the advance, 5m",
    ),
    (lambda: tumbling("1h", -1), "-1ms is no duration: it is negative"),
    (lambda: sliding(0), "window 0ms/event: its size and resolution have to be positive"),
    (lambda: sliding("5m", 0), "window 5m/event~0ms: its size and resolution have to be positive"),
    (
        lambda: sliding("5m", "7s"),
        "window 5m/event~7s: the size is no multiple of the resolution, 7s",
    ),
    (
        lambda: sliding("5s", "10s"),
        "window 5s/event~10s: the size is no multiple of the resolution, 10s",
    ),
    (lambda: cumulate("1d", 0), "cumulate 1d 0ms: the step has to be positive"),
    (lambda: cumulate("1d", "7m"), "cumulate 1d 7m: a step of 7m does not divide 1d"),
    (
        lambda: cumulate("1h", "1h"),
        "cumulate 1h 1h: the step has to be shorter than the window, 1h",
    ),
    (
        lambda: cumulate(day("UTC"), "1d"),
        "cumulate day UTC 1d: the step has to be shorter than the window, 1d",
    ),
    (
        lambda: cumulate(hopping("1h", "5m"), "1m"),
        "cumulate 1h/5m 1m: windows of 1h/5m overlap, they can't be steps of one",
    ),
    (
        lambda: cumulate(sliding("5m"), "1m"),
        "cumulate 5m/event 1m: windows of 5m/event overlap, they can't be steps of one",
    ),
    (
        lambda: cumulate(cumulate("1d", "1h"), "1m"),
        "cumulate cumulate 1d 1h 1m: windows of cumulate 1d 1h overlap, they can't be steps of one",
    ),
    (
        lambda: cumulate(session("5m"), "1m"),
        "cumulate session 5m 1m: session 5m follows events, it can't grow in steps",
    ),
    (lambda: day("Mars/Olympus_Mons"), f"'Mars/Olympus_Mons' {ZONE}"),
    (lambda: week("america/new_york"), f"'america/new_york' {ZONE}"),
    (lambda: month(""), f"'' {ZONE}"),
    (lambda: day("America"), f"'America' {ZONE}"),
    (lambda: day("../../etc/passwd"), f"'../../etc/passwd' {ZONE}"),
    (lambda: day("localtime"), f"'localtime' {ZONE}"),
    (lambda: day("right/Europe/Berlin"), f"'right/Europe/Berlin' {ZONE}"),
    (lambda: day(None), f"None {ZONE}"),
    (lambda: exchange("XXXX"), f"'XXXX' {EXCHANGE}"),
    (lambda: exchange("xnys"), f"'xnys' {EXCHANGE}"),
    (lambda: exchange(None), f"None {EXCHANGE}"),
    (lambda: session(0), "session 0ms: the gap has to be positive"),
    (lambda: session("-30m"), f"'-30m' {DURATION}"),
    (lambda: count(0), "count 0: it needs one record at least"),
    (lambda: count(0, 1), "count 0/1: it needs one record at least"),
    (lambda: count(-1, -1), "count -1: it needs one record at least"),
    (lambda: count(True), "count True: True is not a number of records"),
    (lambda: count(10, True), "count 10/True: True is not a number of records"),
    (lambda: count(10, -1), "count 10/-1: it needs one record at least"),
    (lambda: count(10, 0), "count 10/0: it needs one record at least"),
    (
        lambda: count(10, 11),
        f"count 10/11: {LOST}, every 11 of them the last 10",
    ),
    (lambda: count(1.5), "count 1.5: 1.5 is not a number of records"),
    (lambda: count(10, "5"), "count 10/5: '5' is not a number of records"),
    (lambda: Slices([]), "a table needs at least one window"),
    (lambda: Slices([tumbling("5m"), tumbling("5m")]), f"5m and 5m: {ALIKE} 5m by 5m"),
    (
        lambda: Slices([tumbling("1h"), tumbling("1h", "15m")]),
        f"1h and 1h+15m: {ALIKE} 1h by 1h",
    ),
    (
        lambda: Slices([day("Asia/Tokyo"), tumbling("1m"), exchange("XTKS")]),
        f"day Asia/Tokyo and exchange XTKS: {ALIKE} 1d by 1d",
    ),
    (lambda: Slices([tumbling("5m"), sliding("5m")]), f"5m/event: {ALONE}"),
    (lambda: Slices([sliding("5m"), sliding("1m")]), f"5m/event: {ALONE}"),
    (
        lambda: Slices([Session(1)]),
        "session 1ms is not made of panes: it needs a table of its own kind",
    ),
    (
        lambda: Slices([tumbling("5m"), Count(1, 1)]),
        "count 1 is not made of panes: it needs a table of its own kind",
    ),
    (lambda: parse_windows("1m,5m/10m"), f"window 5m by 10m: {GAPS}"),
    (lambda: parse_windows("1h,1h+15m"), f"1h and 1h+15m: {ALIKE} 1h by 1h"),
    (lambda: parse_windows("day UTC"), f"'day UTC' {DURATION}"),
    (lambda: parse_windows("5m/event"), f"'event' {DURATION}"),
    (lambda: parse_window("5x"), f"'5x' {DURATION}"),
    (lambda: parse_window(""), f"'' {DURATION}"),
    (lambda: parse_window("5m/event 1s"), "'5m/event 1s' is not a window such as 5m/event~100ms"),
    (lambda: parse_window("day"), "'day' is not a window such as 'day Europe/Berlin'"),
    (
        lambda: parse_window("week Asia/Tokyo 5m"),
        "'week Asia/Tokyo 5m' is not a window such as 'week Europe/Berlin'",
    ),
    (lambda: parse_window("exchange"), "'exchange' is not a window such as 'exchange XNYS'"),
    (lambda: parse_window("session"), "'session' is not a window such as 'session 30m'"),
    (lambda: parse_window("session 5"), f"'5' {DURATION}"),
    (lambda: parse_window("count many"), "'count many' is not a window such as 'count 100/10'"),
    (lambda: parse_window("count 1/"), "'count 1/' is not a window such as 'count 100/10'"),
    (lambda: parse_window("count 1_0"), "'count 1_0' is not a window such as 'count 100/10'"),
    (lambda: parse_window("count 5/7"), f"count 5/7: {LOST}, every 7 of them the last 5"),
    (lambda: parse_window("cumulate 1d"), "'cumulate 1d' is not a window such as 'cumulate 1d 5m'"),
    (lambda: parse_window("cumulate 1d 7m"), "cumulate 1d 7m: a step of 7m does not divide 1d"),
    (
        lambda: parse_window("cumulate session 30m 5m"),
        f"'session 30m' {DURATION}",
    ),
]


@pytest.mark.parametrize(("define", "message"), DEFINITIONS, ids=[m for _, m in DEFINITIONS])
def test_invalid_definition_is_rejected_in_one_line(
    define: Callable[[], object], message: str
) -> None:
    """The line names the window, and what is wrong with it."""
    with pytest.raises(DefinitionError) as caught:
        define()
    assert str(caught.value) == message


def test_a_definition_error_is_a_value_error() -> None:
    """So code that parses a window of a setting or request catches ValueError alone."""
    assert issubclass(DefinitionError, ValueError)
