"""A place in several topics at once: the id of an event, and where a reader goes on from.

Offsets are the broker's own, so a reader may go on at another worker than it began at.
"""

from collections.abc import Mapping

from eventfold.digits import read_digits

#: Next offset of each partition, by topic.
Cursor = dict[str, dict[int, int]]


def write_cursor(cursor: Mapping[str, Mapping[int, int]]) -> str:
    """Give `topic:offset.offset...`, the offsets of partitions 0, 1, ...; topics by commas."""
    return ",".join(
        f"{topic}:{'.'.join(str(offsets.get(n, '')) for n in range(max(offsets) + 1))}"
        for topic, offsets in sorted(cursor.items())
        if offsets
    )


def read_cursor(text: str) -> Cursor:
    """Read what `write_cursor` gave; {} for anything else: such a reader begins anew."""
    cursor: Cursor = {}
    for part in text.split(",") if text else ():
        topic, colon, offsets = part.partition(":")
        numbers = {n: read_digits(d) for n, d in enumerate(offsets.split(".")) if d}
        if not colon or None in numbers.values():
            return {}
        cursor[topic] = {n: number for n, number in numbers.items() if number is not None}
    return cursor
