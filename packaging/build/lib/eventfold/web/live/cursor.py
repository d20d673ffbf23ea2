"""Cursor: positions in several topics, the id of an event from which a reader resumes.

Offsets are the broker's own, so a reader may resume at another worker.
"""

from collections.abc import Mapping

from eventfold.digits import read_digits

#: Next offset of each partition, by topic.
Cursor = dict[str, dict[int, int]]


def write_cursor(cursor: Mapping[str, Mapping[int, int]]) -> str:
    """Format a cursor as `topic:offset.offset...` for partitions 0, 1, ...; topics by commas.

    >>> write_cursor({"surges": {0: 7, 2: 9}})
    'surges:7..9'
    """
    return ",".join(
        f"{topic}:{'.'.join(str(offsets.get(n, '')) for n in range(max(offsets) + 1))}"
        for topic, offsets in sorted(cursor.items())
        if offsets
    )


def read_cursor(text: str) -> Cursor:
    """Parse a text of `write_cursor`; return {} for any other, so that the reader starts anew."""
    cursor: Cursor = {}
    for part in text.split(",") if text else ():
        topic, colon, offsets = part.partition(":")
        numbers = {n: read_digits(d) for n, d in enumerate(offsets.split(".")) if d}
        if not colon or None in numbers.values():
            return {}
        cursor[topic] = {n: number for n, number in numbers.items() if number is not None}
    return cursor
