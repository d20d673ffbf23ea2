"""Subscription of a reader: the topics, keys and windows that it watches, and where it resumes.

Offsets in a cursor are the broker's own, so a reader may resume at another worker.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple
from urllib.parse import unquote

from msgspec import Meta

from eventfold.decoding import read_digits
from eventfold.web.parameters import Parameter
from eventfold.windows import DefinitionError, parse_window
from eventfold.windows.fixed import Window

#: Maximum number of watches of a reader, more than one page needs.
MOST = 50


class Watch(NamedTuple):
    """Watch of a topic: all records, those of a key, or those of one window definition."""

    topic: str
    key: str | None = None
    window: Window | None = None


def read_watches(text: str) -> list[Watch]:
    """Parse `topic`, `topic:key` or `topic:key:window`, separated by commas.

    A comma, colon or percent sign in a key is percent-encoded. Raises ValueError if there is no
    watch, if there are more than `MOST`, or if one is malformed.
    """
    watches = [_watch(part) for part in text.split(",") if part]
    if not watches:
        raise ValueError("does not name a topic")
    if len(watches) > MOST:
        raise ValueError(f"{len(watches)} are too many, {MOST} at most")
    return watches


def _watch(part: str) -> Watch:
    topic, *rest = part.split(":")
    if len(rest) > 2:
        raise ValueError(f"{part!r} has more parts than topic, key and window")
    key = unquote(rest[0]) if rest and rest[0] else None
    return Watch(topic, key, _window(rest[1]) if len(rest) > 1 else None)


def _window(text: str) -> Window:
    try:
        window = parse_window(text)
    except DefinitionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(window, Window):
        raise ValueError(f"{text!r} is not a time window such as 5m or 5m/1m")  # noqa: TRY004
    return window


WATCH = Parameter(
    "watch",
    "Topics that the tables write, separated by commas; `topic:key` for one key, "
    "`topic:key:window` for one window definition. Percent-encode `,`, `:`, `%` in a key",
    Annotated[str, Meta(examples=["top-gainers,surges,candles:ACME:5m"])],
    read=read_watches,
    required=True,
)

AFTER = Parameter(
    "after",
    "The id of the last event received, where the header `Last-Event-ID` can't be set",
    default="",
)


#: Next offset of each partition, by topic.
Cursor = dict[str, dict[int, int]]


def write_cursor(cursor: Mapping[str, Mapping[int, int]]) -> str:
    """Format a cursor as `topic:offset.offset...` for partitions 0, 1, ...; topics by commas.

    >>> write_cursor({"surges": {0: 7, 2: 9}})
    'surges:7..9'
    """
    return ",".join(
        f"{topic}:{'.'.join(str(offsets.get(n, '')) for n in range(max(offsets) + 1))}"
        for topic, offsets in sorted(cursor.items())
        if offsets
    )


def read_cursor(text: str) -> Cursor:
    """Parse a text of `write_cursor`; return {} for any other text."""
    cursor: Cursor = {}
    for part in text.split(",") if text else ():
        topic, colon, offsets = part.partition(":")
        numbers = {n: read_digits(d) for n, d in enumerate(offsets.split(".")) if d}
        if not colon or None in numbers.values():
            return {}
        cursor[topic] = {n: number for n, number in numbers.items() if number is not None}
    return cursor
