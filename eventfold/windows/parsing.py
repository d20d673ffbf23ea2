"""Parser of every window definition: the inverse of `str`."""

import re
from collections.abc import Callable

from eventfold.windows.calendars import day, month, week
from eventfold.windows.counts import Count, count
from eventfold.windows.cumulate import Cumulate, cumulate
from eventfold.windows.definition import WindowDefinition
from eventfold.windows.durations import parse_duration
from eventfold.windows.errors import DefinitionError
from eventfold.windows.exchanges import exchange
from eventfold.windows.fixed import parse_grid
from eventfold.windows.sessions import Session, session
from eventfold.windows.sliding import Sliding, sliding

#: First word → function that makes a definition of the second.
_CALENDARS: dict[str, Callable[[str], WindowDefinition]] = {
    "day": day,
    "week": week,
    "month": month,
    "exchange": exchange,
}


def parse_window(text: str) -> WindowDefinition | Session | Count:
    """Parse a window definition from the text that its `str` returns.

        5m, 1h+15m                        tumbling, with an offset
        5m/1m, 5m/1m+30s                  hopping
        5m/event, 5m/event~100ms          sliding with each event, at a resolution
        cumulate 1d 5m                    growing in steps up to a size, or to any of these:
        day Europe/Berlin, week ..., month ...
        exchange XNYS
        session 30m
        count 100, count 100/10

    Raises DefinitionError, naming the fault.

    >>> parse_window("5m/1m").advance
    60000
    """
    kind, *rest = text.split() or [""]
    if kind == "session":
        return session(parse_duration(_only(text, rest, "session 30m")))
    if kind == "count":
        return _parse_count(text, _only(text, rest, "count 100/10"))
    return _parse_family(text)


def _parse_family(text: str) -> WindowDefinition:
    kind, *rest = text.split() or [""]
    if kind == "cumulate":
        return _parse_cumulate(text, rest)
    if kind in _CALENDARS:
        example = "XNYS" if kind == "exchange" else "Europe/Berlin"
        return _CALENDARS[kind](_only(text, rest, f"{kind} {example}"))
    if "/event" in text:
        return _parse_sliding(text)
    return parse_grid(text)


def _parse_sliding(text: str) -> Sliding:
    size, _, rounded = text.strip().partition("/event")
    if not rounded:
        return sliding(parse_duration(size))
    if not rounded.startswith("~"):
        raise DefinitionError(f"{text!r} is not a window such as 5m/event~100ms")
    return sliding(parse_duration(size), parse_duration(rounded[1:]))


def _parse_cumulate(text: str, words: list[str]) -> Cumulate:
    if len(words) < 2:
        raise DefinitionError(f"{text!r} is not a window such as 'cumulate 1d 5m'")
    return cumulate(_parse_family(" ".join(words[:-1])), parse_duration(words[-1]))


def _parse_count(text: str, numbers: str) -> Count:
    match = re.fullmatch(r"([0-9]+)(?:/([0-9]+))?", numbers)
    if match is None:
        raise DefinitionError(f"{text!r} is not a window such as 'count 100/10'")
    return count(*(int(number) for number in match.groups() if number))


def _only(text: str, words: list[str], example: str) -> str:
    if len(words) != 1:
        raise DefinitionError(f"{text!r} is not a window such as {example!r}")
    return words[0]
