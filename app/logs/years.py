"""Years of log lines whose time has none, as those of RFC 3164."""

from datetime import UTC, datetime, tzinfo

from eventfold.times import MONTHS, milliseconds


def nearest(bsd_time: str, near: int, zone: tzinfo = UTC) -> int | None:
    """Return `bsd_time` as ms in the year that puts it nearest to `near` (ms).

    None if the time does not exist in that year, the one before or the one after, such as on
    30 February.
    """
    around = datetime.fromtimestamp(near / 1000, UTC)
    found = in_years(bsd_time, range(around.year - 1, around.year + 2), zone)
    return min(found, key=lambda time: abs(time - near), default=None)


def latest(bsd_time: str, until: int, zone: tzinfo = UTC) -> int | None:
    """Return `bsd_time` as ms in the last year that does not put it after `until` (ms).

    None if there is none in the five years before.
    """
    year = datetime.fromtimestamp(until / 1000, UTC).year
    found = in_years(bsd_time, range(year - 5, year + 2), zone)
    return max((time for time in found if time <= until), default=None)


def in_years(bsd_time: str, years: range, zone: tzinfo) -> list[int]:
    """Return `bsd_time` as ms in each of the years in which it exists."""
    # By position: `strptime` takes five times as long, and depends on the machine's locale.
    month, day, clock = bsd_time.split()
    date = MONTHS[month], int(day)
    hour, minute, second = int(clock[0:2]), int(clock[3:5]), int(clock[6:8])
    micros = int((clock[9:] + "000000")[:6])
    found = []
    for year in years:
        try:
            at = datetime(year, *date, hour, minute, second, micros, tzinfo=zone)
        except ValueError:
            continue
        found.append(milliseconds(at))
    return found
