"""What is late and what is final: both follow from stream time, never from the wall clock.

Stream time of a partition is the highest event time accepted in it. The *horizon* is stream time
less the grace: a record before it is late, a window that ends at or before it is final. So a
final window can get no record any more, whatever windows a table has.
"""

from collections.abc import Mapping


def horizon(stream_time: int, grace: int) -> int:
    """Give the instant (ms) that separates what may still change from what may not."""
    return stream_time - grace


def is_late(time: int, horizon: int) -> bool:
    """Say whether a record of this event time (ms) came too late."""
    return time < horizon


def is_final(end: int, horizon: int) -> bool:
    """Say whether a window that ends here (ms) can no longer change."""
    return end <= horizon


def revision(last_offset: int, *, final: bool) -> int:
    """Give a window's revision: it only grows, and tells what is in the window."""
    return 2 * last_offset + final


def behind_bound(ms: int) -> int:
    """Round how far a record was behind stream time (ms) up, by less than a sixteenth.

    So that a histogram of it has 16 entries for each doubling, and a grace read from it keeps at
    least what it says.
    """
    shift = ms.bit_length() - 5
    return ms if shift <= 0 else -(-ms >> shift) << shift


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
