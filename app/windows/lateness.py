"""What is late and what is final: both follow from stream time, never from the wall clock.

Stream time of a partition is the highest event time accepted in it. The *horizon* is stream time
less the grace: a record before it is late, a window that ends at or before it is final. So a
final window can get no record any more, whatever windows a table has.
"""


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
