"""Reader of the times of rows: numbers by their magnitude, compact forms, ISO 8601, dates."""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Literal

from eventfold.times import EPOCH, InvalidTimeError, epoch_ms, find_time, milliseconds

#: Order of a date's numbers.
DateOrder = Literal["dmy", "mdy", "ymd"]

#: Numbers are times from 1990 up to 2100 (ms): seconds, ms, µs and ns of these years differ in
#: their magnitude, and a number in no unit's range is more likely a mistake than a time.
FIRST, LAST = 631_152_000_000, 4_102_444_800_000
#: Where clocks are put back, a step back by more than this (ms) begins the second hour.
_STEP_BACK = 1_800_000

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?", re.ASCII)
#: `20210104`, `202101041530`, `20210104153000`, `20210104 153000123`; a clock may lack its first
#: zero, as spreadsheets drop it.
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:[ T_-]?(\d+))?(?:[.,](\d{1,9}))?", re.ASCII)
_CLOCKS = {1: 6, 4: 4, 5: 6, 6: 6, 8: 9, 9: 9, 12: 12, 15: 15}
_NUMERIC_DATE = re.compile(r"(\d\d?)([-./])(\d\d?)\2(\d{4}|\d\d)(?!\d)", re.ASCII)
_MONTH_FIRST = re.compile(r"([A-Z][a-z]{2})[a-z]*\.? (\d\d?),? (\d{4})", re.ASCII)
_LONG_MONTH = re.compile(r"(\d\d?)[ -]([A-Z][a-z]{2})[a-z]*\.?,?[ -](\d{4})", re.ASCII)
_HALF_DAY = re.compile(r"(\d\d?)(:[\d:.]+) ?([AaPp])\.?[Mm]\.?")
_SHORT_CLOCK = re.compile(r"(?<![\d:.+-])(\d\d?:\d\d)(?![\d:])", re.ASCII)
#: Abbreviations of zones have several meanings, apart from UTC's.
_NAMED_ZONE = re.compile(r":\d\d(?:[.,]\d+)? ?(?!Z|UTC|GMT|[AP]M)([A-Z]{2,5})$")
_SHORT_ZONE = re.compile(r"(:\d\d(?:[.,]\d+)?) ?([+-]\d\d)$", re.ASCII)
#: Digits of seconds, ms, µs and ns since 2001.
_UNIT_DIGITS = {10, 13, 16, 19}
_UNITS = ((1e11, "seconds"), (1e14, "milliseconds"), (1e17, "microseconds"), (1e19, "nanoseconds"))


class TimeReader:
    """Reader of times as ms since the epoch.

    A time without a zone is in `zone`, by default UTC. `order` decides dates such as 05/06/2024,
    which are refused without it.

    >>> TimeReader().read("20210104 153000123")
    1609774200123
    >>> TimeReader().read("1735689600123456")  # microseconds, by its magnitude
    1735689600123
    """

    def __init__(self, zone: tzinfo = UTC, order: DateOrder | None = None) -> None:
        self._zone, self._order = zone, order
        self._last, self._is_second_hour = 0, False
        #: Number of times without a zone.
        self.unzoned = 0
        #: What had to be assumed of times, with the number of them.
        self.assumed: Counter[str] = Counter()

    def read(self, value: Any) -> int:
        """Return the time of a text, a number, a datetime or a date. Raises ValueError."""
        moment = value
        if isinstance(value, str) and len(value) in _UNIT_DIGITS and value.isdecimal():
            moment = int(value)
        elif isinstance(value, str):
            text = value.strip()
            moment = _compact(text) or (_decimal(text) if _NUMBER.fullmatch(text) else None)
            moment = self._of_text(text) if moment is None else moment
        if isinstance(moment, float):
            moment = Decimal(repr(moment))
        if isinstance(moment, int | Decimal) and not isinstance(moment, bool):
            return _of_number(moment, value)
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - below
        if not isinstance(moment, datetime):
            raise ValueError(f"{value!r} is no time")  # noqa: TRY004 - as of any other value
        if moment.tzinfo is not None:
            return milliseconds(moment)
        return self._in_zone(moment)

    def _of_text(self, text: str) -> datetime:
        """Parse a date with or without a clock: ISO 8601, else in the forms of `find_time`."""
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
        if self._zone is UTC and (zone := _NAMED_ZONE.search(text)):
            raise ValueError(f"{text!r}: which zone is {zone[1]}? --zone tells")
        completed = self._completed(text)
        try:
            stamp = find_time(completed)
        except InvalidTimeError as error:
            raise ValueError(f"{text!r}: {str(error).partition(': ')[2]}") from error
        if stamp is None or stamp.time is None or stamp.end < len(completed):
            raise ValueError(f"{text!r} is no time such as 2021-01-04 15:30:00")
        moment = EPOCH + timedelta(milliseconds=stamp.time)
        return moment if stamp.has_zone else moment.replace(tzinfo=None)

    def _completed(self, text: str) -> str:
        """Return a date or time with year first, 24 hours, seconds and the zone's minutes."""
        text = _NUMERIC_DATE.sub(self._year_first, text, count=1)
        text = _LONG_MONTH.sub(r"\1 \2 \3", _MONTH_FIRST.sub(r"\2 \1 \3", text))
        text = _HALF_DAY.sub(_of_24_hours, text)
        text = _SHORT_CLOCK.sub(r"\1:00", text)
        text = _SHORT_ZONE.sub(r"\1\2:00", text)
        return text if ":" in text else f"{text} 00:00:00"

    def _year_first(self, found: re.Match[str]) -> str:
        one, separator, two, three = found.groups()
        if found.start():
            return found[0]
        order = self._order
        if order == "ymd" or (len(three) == 2 and order is None):
            if order is None:
                raise ValueError(f"{found[0]!r}: which is the year? --dates dmy, mdy or ymd")
            return f"20{one}-{two}-{three}"
        if order is None and separator != "." and int(one) <= 12 and int(two) <= 12 and one != two:
            raise ValueError(
                f"{found[0]!r}: is {one} the day or the month? --dates dmy or --dates mdy"
            )
        is_month_first = order == "mdy" or (order is None and int(two) > 12)
        month, day = (one, two) if is_month_first else (two, one)
        year = three if len(three) == 4 else f"20{three}"
        return f"{year}-{month:0>2}-{day:0>2}"

    def _in_zone(self, wall: datetime) -> int:
        """Return the time at which the clocks of the zone show `wall`.

        Raises ValueError for a time that they skip. Of two times at which they show it, it is the
        first, until they have gone back.
        """
        self.unzoned += 1
        first = milliseconds(wall.replace(tzinfo=self._zone))
        second = milliseconds(wall.replace(tzinfo=self._zone, fold=1))
        if second < first:
            raise ValueError(
                f"'{wall}' does not exist in {self._zone}: clocks were put forward then"
            )
        if second > first:
            is_second = self._is_second_hour or (
                self._last - first > _STEP_BACK and self._last <= second + _STEP_BACK
            )
            which = "second" if is_second else "first"
            self.assumed[f"the {which} of two, as clocks were put back"] += 1
            first = second if is_second else first
            self._is_second_hour = is_second
        else:
            self._is_second_hour = False
        self._last = first
        return first


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _of_number(number: int | Decimal, value: Any) -> int:
    time = epoch_ms(number)
    if time is None:
        raise ValueError(f"{value!r} is no time in seconds, ms, µs or ns since 1970")
    if not FIRST <= time < LAST:
        unit = next(name for limit, name in _UNITS if number < limit)
        year = (EPOCH + timedelta(milliseconds=time)).year
        raise ValueError(f"{value!r}: {unit}? That would be in {year}; 1990 to 2100 are read")
    return time


def _compact(text: str) -> datetime | None:
    """Return the time in a compact form without a zone; None for any other text."""
    found = _COMPACT.fullmatch(text)
    if found is None:
        return None
    year, month, day, clock, fraction = found.groups()
    width = _CLOCKS.get(len(clock or "000000"))
    # Of plain digits only these numbers are no seconds, ms, µs or ns of this time.
    if width is None or (text.isdecimal() and len(text) not in {8, 12, 14, 17, 20, 23}):
        return None
    digits = (clock or "").rjust(width, "0").ljust(6, "0") + (fraction or "")
    hour, minute, second, micros = digits[:2], digits[2:4], digits[4:6], digits[6:12].ljust(6, "0")
    if fraction and width > 6:
        return None
    text = f"{year}-{month}-{day} {hour}:{minute}:{second}.{micros}"
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} does not exist: {error}") from None


def _of_24_hours(found: re.Match[str]) -> str:
    hour, rest, half = found.groups()
    return f"{int(hour) % 12 + 12 * (half in 'Pp'):02}{rest}"
