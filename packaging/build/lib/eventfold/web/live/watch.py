"""Watches of a reader: topics, one key of a topic, one window definition of a key."""

from typing import NamedTuple
from urllib.parse import unquote

from eventfold.web.parameters import Parameter
from eventfold.windows import DefinitionError, parse_window
from eventfold.windows.windowers import Window

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
        raise ValueError("names no topic")
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
        raise ValueError(f"{text!r} is no window of candles, such as 5m or 5m/1m")  # noqa: TRY004
    return window


WATCH = Parameter(
    "watch",
    "What to watch: topics that the tables write, separated by commas; `topic:key` for one key, "
    "`topic:key:window` for one kind of its windows. Percent-encode `,`, `:`, `%` in a key",
    read_watches,
    schema={"type": "string", "examples": ["top-gainers,surges,candles:ACME:5m"]},
    required=True,
)

AFTER = Parameter(
    "after",
    "The id of the last event received, where the header `Last-Event-ID` can't be set",
    default="",
)
