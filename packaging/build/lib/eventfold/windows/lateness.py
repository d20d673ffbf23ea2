"""Late records and final windows: both follow from stream time, never from the wall clock.

Stream time of a partition is the highest event time accepted in it. The *watermark* is stream time
less the grace: a record before it is late, a window that ends at or before it is final. So a
final window can get no more records, whatever windows a table has. The watermark never goes back:
if a table restarts with a larger grace, windows published as final stay final.
"""

from collections.abc import Mapping


def watermark(stream_time: int, grace: int, finalised: int) -> int:
    """Return the watermark (ms): windows that end after it may change, all others are final.

    `finalised` (ms) is the watermark up to which windows have been published as final, maybe with
    another grace.

    >>> watermark(60_000, grace=10_000, finalised=0)
    50000
    """
    return max(stream_time - grace, finalised)


def is_late(time: int, watermark: int) -> bool:
    """Return whether a record with this event time (ms) is late: before the watermark (ms)."""
    return time < watermark


def is_final(end: int, watermark: int) -> bool:
    """Return whether a window that ends at `end` (ms) can no longer change."""
    return end <= watermark


def revision(newest_offset: int, *, final: bool) -> int:
    """Return a window's revision, which grows with each change of the window and when it is final.

    `newest_offset` is the highest source offset that the result follows from: that of the window
    or, if the table's results use the previous window, of the pane before it.
    """
    return 2 * newest_offset + final


def behind_bound(ms: int) -> int:
    """Round the time (ms) that a record was behind stream time up, by less than a sixteenth.

    So a histogram of it has 16 entries for each doubling, and a grace read from it keeps at least
    the fraction of records that it promises.
    """
    shift = max(0, ms.bit_length() - 5)
    return -(-ms >> shift) << shift


def kept_with(lateness: Mapping[int, int], grace: int) -> float:
    """Return the fraction of records (0 to 1) that are at most `grace` ms behind stream time.

    `lateness` is a distribution: ms behind stream time, rounded by `behind_bound` → records. A late
    record never advances stream time, so the result holds whichever grace was in force.
    """
    total = sum(lateness.values())
    kept = sum(records for behind, records in lateness.items() if behind <= grace)
    return kept / total if total else 1.0


def grace_for(lateness: Mapping[int, int], fraction: float) -> int:
    """Return the least grace (ms) that keeps at least `fraction` (0 to 1) of the records.

    `lateness` is a distribution as for `kept_with`. The result is 0 if it is empty.

    >>> grace_for({0: 990, 500: 9, 60_000: 1}, 0.999)
    500
    """
    total, kept = sum(lateness.values()), 0
    for behind, records in sorted(lateness.items()):
        kept += records
        if kept >= fraction * total:
            return behind
    return 0
