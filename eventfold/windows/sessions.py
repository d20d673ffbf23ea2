"""Session windows: their definition; the engine of a table merges the sessions."""

from dataclasses import dataclass

from eventfold.windows.durations import format_duration, milliseconds
from eventfold.windows.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Session:
    """Window definition: events of a key that are less than `gap` (ms) apart share a session.

    Each event at `t` begins as `[t, t + gap)`. Sessions that overlap are merged, so an event
    out of order may join two. Two events exactly `gap` apart are in two sessions, since intervals
    are half-open. Apache Beam's `Sessions(gap_size)` and Flink's session windows do the same; in
    Kafka Streams' `SessionWindows`, an inactivity of exactly the gap still joins.
    """

    gap: int

    def __str__(self) -> str:
        """Return the text that `parse_window` parses: `session 30m`."""
        return f"session {format_duration(self.gap)}"

    @property
    def size(self) -> int:
        """Nominal length, ms: that of the session of a single event."""
        return self.gap

    @property
    def advance(self) -> int:
        """Nominal distance, ms: the least distance of the starts of two sessions of a key."""
        return self.gap


def session(gap: int | str) -> Session:
    """Return the definition of sessions that end after a `gap` (ms, or a text such as `30m`).

    Raises DefinitionError if the gap is not positive.

    >>> str(session("30m"))
    'session 30m'
    """
    definition = Session(milliseconds(gap))
    if not definition.gap:
        raise DefinitionError(f"{definition}: the gap has to be positive")
    return definition
