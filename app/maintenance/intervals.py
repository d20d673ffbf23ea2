"""Expected interval of a machine: after how long without a reading it is silent."""

from heapq import nlargest

from eventfold.windows.durations import parse_duration

#: Latest intervals that are remembered.
MOST_INTERVALS = 32
#: Intervals before which a machine's own are not known.
FEWEST_INTERVALS = 3
#: How often an interval has to pass. Protocols with heartbeats take three, such as BGP (RFC 4271,
#: section 4.4): one that is lost is chance.
MISSED = 3
#: Shortest silence (ms), and that of a machine whose interval is not known.
SHORTEST, UNKNOWN = parse_duration("1m"), parse_duration("2d")


def learnt_silence(intervals: list[int]) -> int:
    """Return the time (ms) after which a machine with these latest intervals (ms) is silent.

    It is three times the second longest: one outage does not change what is usual.

    >>> learnt_silence([300_000, 300_000, 299_000, 7_200_000])
    900000
    """
    if len(intervals) < FEWEST_INTERVALS:
        return UNKNOWN
    return max(SHORTEST, MISSED * nlargest(2, intervals)[1])


def remember(intervals: list[int], interval: int, silence: int) -> None:
    """Add an interval (ms); one longer than the silence (ms) counts as that long.

    So a machine that begins to report less often is expected less often after a few reports.
    Readings of the same instant have none.
    """
    if interval > 0:
        intervals.append(min(interval, silence))
        del intervals[:-MOST_INTERVALS]
