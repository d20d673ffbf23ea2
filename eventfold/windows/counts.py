"""Count windows: their definition; the engine of a table counts the records."""

from dataclasses import dataclass

from eventfold.windows.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Count:
    """Window definition: the last `records` records of a key, at each `every`-th record.

    The windows are tumbling if both numbers are equal, as Flink's `countWindow(size, slide)`.
    Records count in their order of arrival: event time plays no part, and no record is late.
    """

    records: int
    every: int

    def __str__(self) -> str:
        """Return the text that `parse_window` parses: `count 100`, or `count 100/10`."""
        return f"count {self.records}" + (f"/{self.every}" if self.every != self.records else "")

    @property
    def size(self) -> int:
        """Length, in records, not in ms."""
        return self.records

    @property
    def advance(self) -> int:
        """Distance of two windows, in records, not in ms."""
        return self.every


def count(records: int, every: int | None = None) -> Count:
    """Return the definition of windows of `records` records, one at each `every`-th record.

    `every` is `records` by default. Raises DefinitionError unless both are integers and
    0 < every <= records.

    >>> str(count(100, every=10))
    'count 100/10'
    """
    definition = Count(records, records if every is None else every)
    for number in (definition.records, definition.every):
        if isinstance(number, bool) or not isinstance(number, int):
            raise DefinitionError(f"{definition}: {number!r} is not a number of records")
    if definition.records <= 0 or definition.every <= 0:
        raise DefinitionError(f"{definition}: it needs one record at least")
    if definition.every > definition.records:
        raise DefinitionError(
            f"{definition}: records between two windows would be lost, every {definition.every} of "
            f"them the last {definition.records}"
        )
    return definition
