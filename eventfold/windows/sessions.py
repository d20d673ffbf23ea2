"""Sessions: a description; the engine that merges them is a table's."""

from dataclasses import dataclass

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Session:
    """Events of a key belong together as long as none is `gap` (ms) or more after the one before.

    Each event at `t` begins as `[t, t + gap)`; sessions that overlap are merged, so an event
    that comes late may join two. Two events exactly `gap` apart are in two sessions: intervals
    are half-open. That is Apache Beam's `Sessions(gap_size)` and Flink's session windows; in
    Kafka Streams' `SessionWindows` an inactivity of exactly the gap still joins.
    """

    gap: int

    def __str__(self) -> str:
        """Give what `parse_window` reads: `session 30m`."""
        return f"session {format_duration(self.gap)}"

    @property
    def size(self) -> int:
        """The nominal length (ms): that of the session of a single event."""
        return self.gap

    @property
    def advance(self) -> int:
        """The nominal distance (ms): two sessions of a key are at least so far apart."""
        return self.gap


def session(gap: int | str) -> Session:
    """Give the sessions that end with a silence of `gap`, ms or a text such as `30m`.

    Raises DefinitionError for a gap of nothing.
    """
    family = Session(milliseconds(gap))
    if not family.gap:
        raise DefinitionError(f"{family}: the gap has to be positive")
    return family
