"""Times as text, in the forms in which files have them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import NamedTuple

_NAMES = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
MONTHS = {name: number for number, name in enumerate(_NAMES.split("|"), 1)}
_MONTH_NAMES = {number: name for name, number in MONTHS.items()}
#: Beginning of Unix time.
EPOCH = datetime.fromtimestamp(0, UTC)

_CLOCK = r"(?P<h>\d\d?):(?P<m>\d\d):(?P<s>\d\d)"
_ISO_CLOCK = r"(?P<h>\d\d?)([:.])(?P<m>\d\d)\6(?P<s>\d\d)(?:[.,:](?P<f>\d{1,9}))?"
_LOOSE_CLOCK = r"(?P<h>\d\d?):?(?P<m>\d\d?):?(?P<s>\d\d?)(?::(?P<ms>\d{1,3})|[.,](?P<f>\d{1,9}))?"
_FRACTION = r"(?:[.,](?P<f>\d{1,9}))?"
_PRECISE = _CLOCK + _FRACTION
#: Names of zones are ambiguous (CST has three meanings), apart from UTC's: such a time counts as
#: one without a zone.
_ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d)\b| (?:[A-Z]{1,3}[SD]T|CET|EET|WET|MSK|HKT|SGT)\b)?"


class Stamp(NamedTuple):
    """A time at the beginning of a text, and where it ends.

    `time` is in ms since the epoch; None for a time without a year, which is in `bsd_time`, in the
    form of RFC 3164.
    """

    time: int | None
    end: int
    bsd_time: str = ""
    #: Whether the text has the zone.
    has_zone: bool = True
    #: What had to be assumed, apart from zone and year; empty if nothing.
    assumed: str = ""


class InvalidTimeError(ValueError):
    """A text has the form of a time, but there is no such time, or it has two meanings."""


def milliseconds(at: datetime) -> int:
    """Return the ms since the epoch of a time with a zone."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def epoch_ms(number: float | Decimal) -> int | None:
    """Return a number of s, ms, µs or ns (by its size) in ms; None if it is no time."""
    if not 1e8 <= number < 1e19:
        return None
    for limit, times, by in ((1e11, 1000, 1), (1e14, 1, 1), (1e17, 1, 1000)):
        if number < limit:
            return int(number * times // by)
    return int(number // 1_000_000)


def _year_first(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found["y"]), int(found["mo"]), int(found["d"])


def _short_year_first(found: re.Match[str]) -> tuple[int, int, int]:
    return 2000 + int(found["y"]), int(found["mo"]), int(found["d"])


def _month_name(found: re.Match[str]) -> tuple[int, int, int]:
    return int(found["y"] or 0), MONTHS[found["mo"]], int(found["d"])


def _undecided(found: re.Match[str]) -> tuple[int, int, int]:
    """Return the date of which either number may be the day, if one of them must be."""
    one, two = int(found["a"]), int(found["b"])
    if one <= 12 and two <= 12 and one != two:
        raise InvalidTimeError(f"time: {found[0]!r}: is {found['a']} the day or the month?")
    month, day = (two, one) if one > 12 else (one, two)
    return int(found.groupdict().get("y") or 0), month, day


def _month_first(found: re.Match[str]) -> tuple[int, int, int]:
    return 0, int(found["mo"]), int(found["d"])


#: A date's year (0 if it has none), month and day.
_DateOf = Callable[[re.Match[str]], tuple[int, int, int]]

#: Forms of times, those met most often first, by the kind of character that they begin with.
_DIGIT_FORMS: tuple[tuple[re.Pattern[str], _DateOf], ...] = tuple(
    (re.compile(pattern, re.ASCII), date_of)
    for pattern, date_of in (
        # ISO 8601, log4j, Python, nginx, Go; with a dot in the clock: Blue Gene.
        (
            rf"(?P<y>\d{{4}})([-/.])(?P<mo>\d\d?)\2(?P<d>\d\d?)(?:[Tt_-]|,? +){_ISO_CLOCK}{_ZONE}",
            _year_first,
        ),
        # Access logs, Tomcat, BIND, redis.
        (
            rf"(?P<d>\d\d?)([-/ ])(?P<mo>{_NAMES})\2(?P<y>\d{{4}})[: ]{_PRECISE}{_ZONE}",
            _month_name,
        ),
        # Spark, Hadoop.
        (rf"(?P<y>\d\d)/(?P<mo>\d\d)/(?P<d>\d\d) {_PRECISE}", _short_year_first),
        (rf"(?P<a>\d\d?)/(?P<b>\d\d?)/(?P<y>\d{{4}}),? {_PRECISE}", _undecided),
        (rf"(?P<d>\d\d?)\.(?P<mo>\d\d?)\.(?P<y>\d{{4}}) {_PRECISE}", _year_first),
        # Android.
        (rf"(?P<mo>\d\d)-(?P<d>\d\d) {_PRECISE}", _month_first),
        (rf"(?P<a>\d\d)\.(?P<b>\d\d) {_PRECISE}", _undecided),
        # HDFS, MySQL 5.
        (
            r"(?P<y>\d\d)(?P<mo>\d\d)(?P<d>\d\d) +(?P<h>\d\d?):?(?P<m>\d\d):?(?P<s>\d\d)\b",
            _short_year_first,
        ),
        (
            rf"(?P<y>\d{{4}})(?P<mo>\d\d)(?P<d>\d\d)[T -]?{_LOOSE_CLOCK}{_ZONE}\b",
            _year_first,
        ),
    )
)
_LETTER_FORMS: tuple[tuple[re.Pattern[str], _DateOf], ...] = tuple(
    (re.compile(pattern, re.ASCII), date_of)
    for pattern, date_of in (
        (
            rf"(?P<mo>{_NAMES}) (?: ?(?P<d>\d\d?)) (?:(?P<y>\d{{4}}) )?{_PRECISE}\b",
            _month_name,
        ),
        # C's `ctime`: Apache's errors, dmesg -T.
        (
            rf"[A-Z][a-z]{{2}} (?P<mo>{_NAMES}) +(?P<d>\d\d?) {_PRECISE}{_ZONE} (?P<y>\d{{4}})\b",
            _month_name,
        ),
    )
)
_SECONDS = re.compile(r"(?P<n>\d{10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19})(?=\s|$)", re.ASCII)
_ASSUMED = "dates such as 17/06/09 are year/month/day"


def find_time(text: str, at: int = 0, zone: tzinfo = UTC) -> Stamp | None:
    """Find the time that begins at character `at` of a text; None if none does.

    A time without a zone is in `zone`. Raises InvalidTimeError for a date or clock that does not
    exist.
    """
    if text[at : at + 10].isdecimal() and (seconds := _SECONDS.match(text, at)):
        return Stamp(epoch_ms(float(seconds["n"])), seconds.end())
    first = text[at : at + 1]
    forms = _DIGIT_FORMS if "0" <= first <= "9" else _LETTER_FORMS if first.isalpha() else ()
    for pattern, date_of in forms:
        found = pattern.match(text, at)
        if found:
            return _stamp(found, date_of, zone)
    return None


def _stamp(found: re.Match[str], date_of: _DateOf, zone: tzinfo) -> Stamp:
    parts = found.groupdict()
    year, month, day = date_of(found)
    clock = int(parts["h"]), int(parts["m"]), int(parts["s"])
    micros = int(((parts.get("f") or "0") + "00000")[:6])
    if parts.get("ms"):
        micros = int(parts["ms"]) * 1000
    own_zone = parts.get("z")
    try:
        # 2000 has every day that any year has.
        at = datetime(year or 2000, month, day, *clock, micros, tzinfo=zone_of(own_zone) or zone)
    except ValueError as error:
        raise InvalidTimeError(f"time: {found[0]!r} does not exist: {error}") from None
    if not year:
        bsd = f"{_MONTH_NAMES[month]} {day:2} {at:%H:%M:%S}.{micros:06}"
        return Stamp(None, found.end(), bsd, has_zone=False)
    assumed = _ASSUMED if date_of is _short_year_first and "/" in found[0] else ""
    return Stamp(milliseconds(at), found.end(), has_zone=own_zone is not None, assumed=assumed)


def zone_of(text: str | None) -> tzinfo | None:
    """Return the zone of a time's suffix (`Z`, `UTC`, `+0200`); None for no suffix."""
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    return datetime.strptime(text, "%z").tzinfo
