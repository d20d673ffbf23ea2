"""Windows of a number of records: a description; the engine that counts them is a table's."""

from dataclasses import dataclass

from eventfold.windows.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Count:
    """The last `records` records of a key, in order of arrival, at each `every`-th of them.

    Tumbling where both are the same. It is Flink's `countWindow(size, slide)`. What is counted
    is arrival: such windows know no event time, and nothing is late for them.
    """

    records: int
    every: int

    def __str__(self) -> str:
        """Give what `parse_window` reads: `count 100`, or `count 100/10`."""
        return f"count {self.records}" + (f"/{self.every}" if self.every != self.records else "")

    @property
    def size(self) -> int:
        """The length, in records, not in ms."""
        return self.records

    @property
    def advance(self) -> int:
        """The distance of two windows, in records, not in ms."""
        return self.every


def count(records: int, every: int | None = None) -> Count:
    """Give windows of `records` records, one at each `every`-th, by default at each `records`-th.

    Raises DefinitionError where not 0 < every <= records.
    """
    family = Count(records, records if every is None else every)
    for number in (family.records, family.every):
        if isinstance(number, bool) or not isinstance(number, int):
            raise DefinitionError(f"{family}: {number!r} is not a number of records")
    if family.records <= 0 or family.every <= 0:
        raise DefinitionError(f"{family}: it needs one record at least")
    if family.every > family.records:
        raise DefinitionError(
            f"{family}: records between two windows would be lost, every {family.every} of them "
            f"the last {family.records}"
        )
    return family
