"""A place in several topics at once: the id of an event, and where a reader goes on from.

Offsets are the broker's own, so a reader may go on at another worker than it began at.
"""

from collections.abc import Mapping

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
        digits = offsets.split(".")
        if not colon or not all(d == "" or (d.isascii() and d.isdigit()) for d in digits):
            return {}
        cursor[topic] = {n: int(digit[:19]) for n, digit in enumerate(digits) if digit}
    return cursor
