"""What is late and what is final: both follow from stream time, never from the wall clock.

Stream time of a partition is the highest event time accepted in it. The *watermark* is stream time
less the grace: a record before it is late, a window that ends at or before it is final. So a
final window can get no record any more, whatever windows a table has. It never goes back: not
where a table is started again with a larger grace, behind windows that are published as final.
"""

from collections.abc import Mapping


def watermark(stream_time: int, grace: int, finalised: int) -> int:
    """Return the instant (ms) that separates what may still change from what may not.

    Windows that end by `finalised` (ms) are published as final, by the grace of that time.
    """
    return max(stream_time - grace, finalised)


def is_late(time: int, watermark: int) -> bool:
    """Return whether a record of this event time (ms) came too late."""
    return time < watermark


def is_final(end: int, watermark: int) -> bool:
    """Return whether a window that ends here (ms) can no longer change."""
    return end <= watermark


def revision(newest_offset: int, *, final: bool) -> int:
    """Return a window's revision: it grows with each change of the window, or of its state.

    `newest_offset` is the highest source offset that the result follows from: the window's, or,
    where it looks back, that of the pane before it.
    """
    return 2 * newest_offset + final


def behind_bound(ms: int) -> int:
    """Round how far a record was behind stream time (ms) up, by less than a sixteenth.

    So that a histogram of it has 16 entries for each doubling, and a grace read from it keeps at
    least what it says.
    """
    shift = max(0, ms.bit_length() - 5)
    return -(-ms >> shift) << shift


def kept_with(lateness: Mapping[int, int], grace: int) -> float:
    """Give the fraction of records (0 to 1) that are at most `grace` ms behind stream time.

    `lateness` is a histogram: ms behind, as `behind_bound` gives it → records. A record that is
    late never moves stream time, so this holds for any grace, whichever one was in force.
    """
    total = sum(lateness.values())
    kept = sum(records for behind, records in lateness.items() if behind <= grace)
    return kept / total if total else 1.0


def grace_for(lateness: Mapping[int, int], fraction: float) -> int:
    """Give the least grace (ms) that keeps at least `fraction` of the records in a histogram."""
    total, kept = sum(lateness.values()), 0
    for behind, records in sorted(lateness.items()):
        kept += records
        if kept >= fraction * total:
            return behind
    return 0
