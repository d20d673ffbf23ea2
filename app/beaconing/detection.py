"""Detection of hosts that contact a destination at regular intervals: programs, not persons.

Malware polls its controller for orders, with some jitter. It is detected by the coefficient of
variation of the intervals, their standard deviation divided by their mean: 1 if contacts are
independent of each other, 0 if a clock makes them, j / sqrt(3) with a jitter of +-j. RITA (Active
Countermeasures) also scores connections by the dispersion of their intervals.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import fsum, sqrt
from statistics import median
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct, field

from app.beaconing.allowed import allow_list
from app.beaconing.records import Beacon, Connection
from app.beaconing.settings import BeaconSettings
from eventfold.operators.processor import Context
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.windows.durations import approximate_duration

#: Number of rows over which a source's destinations are spread: a contact rewrites only one row.
PARTS = 16
#: Largest ratio of missed contacts to intervals: a host sleeps, a packet is lost.
MOST_MISSED = 1 / 4


class Pair(Struct):
    """State of one destination of a source."""

    #: Times of the latest contacts (ms), oldest first.
    contacts: list[int]
    #: Time of the latest connection (ms): a contact may consist of many.
    last: int
    #: Time of the contact at which a beacon was last published (ms).
    told: int | None = None


class PartState(Struct):
    """State of a part of a source's destinations."""

    waiting: list[Waiting[Connection]] = field(default_factory=list)
    pairs: dict[str, Pair] = field(default_factory=dict)


class Rhythm(NamedTuple):
    """Regularity of a series of instants."""

    #: Mean of the intervals (ms), and their coefficient of variation.
    interval: float
    variation: float
    #: Number of missed contacts between them.
    missed: int


def rhythm(times: Sequence[int]) -> Rhythm:
    """Compute the regularity of instants (ms, at least three, ascending).

    An interval of about n times the median counts as n intervals with n - 1 missed contacts: it
    has n times their mean, and n times their variance.
    """
    intervals = [after - before for before, after in pairwise(times)]
    usual = median(intervals)
    beats = [max(1, round(interval / usual)) for interval in intervals]
    mean = sum(intervals) / sum(beats)
    squares = (
        (interval - number * mean) ** 2 / number
        for interval, number in zip(intervals, beats, strict=True)
    )
    deviation = sqrt(fsum(squares) / len(intervals))
    return Rhythm(mean, deviation / mean, sum(beats) - len(beats))


def part_of(connection: Connection) -> str:
    """Return the key of a connection's row: its source, and the part of its destination."""
    return f"{connection.source} {crc32(connection.destination.encode()) % PARTS}"


class Beaconing(InOrder[PartState, Connection]):
    """Processor that checks the regularity of each source's contacts with each destination."""

    def __init__(self, limits: BeaconSettings) -> None:
        self.limits = limits
        self.allowed = allow_list(limits.beacon_allowed)

    def on_record(
        self, state: PartState | None, record: Connection, context: Context
    ) -> PartState | None:
        """Buffer a connection until the watermark passes it, unless its destination is allowed."""
        if self.allowed(record.destination):
            return state
        return super().on_record(state, record, context)

    def new(self, key: str) -> PartState:  # noqa: ARG002  # it stands in each connection
        """Return the state of a part without destinations."""
        return PartState()

    def handle(self, state: PartState, event: Waiting[Connection], context: Context) -> None:
        """Add a connection to its pair, and check the pair's regularity if it is a new contact."""
        time, _, connection = event
        limits = self.limits
        pair = state.pairs.get(connection.destination)
        if pair is None:
            self._make_room(state, time)
            state.pairs[connection.destination] = Pair([time], time)
            return
        pause = time - pair.last
        pair.last = max(pair.last, time)
        if pause < limits.beacon_shortest:
            return
        if pause > limits.beacon_longest:
            pair.contacts.clear()
        pair.contacts = [*pair.contacts, time][-limits.beacon_contacts :]
        self._judge(pair, event, context)

    def _make_room(self, state: PartState, time: int) -> None:
        """Evict a destination if the part is full: a stale one first, else by fewest contacts."""
        if len(state.pairs) < self.limits.beacon_destinations:
            return
        since = time - self.limits.beacon_longest

        def worth(destination: str) -> tuple[bool, int, int, str]:
            pair = state.pairs[destination]
            return pair.last >= since, len(pair.contacts), pair.last, destination

        del state.pairs[min(state.pairs, key=worth)]

    def _judge(self, pair: Pair, event: Waiting[Connection], context: Context) -> None:
        limits, time = self.limits, event[0]
        if len(pair.contacts) < limits.beacon_contacts:
            return
        if pair.told is not None and time - pair.told < limits.beacon_repeat:
            return
        found = rhythm(pair.contacts)
        few_missed = found.missed <= MOST_MISSED * (len(pair.contacts) - 1)
        if few_missed and found.variation <= limits.beacon_variation:
            pair.told = time
            self._tell(pair, found, event, context)

    def _tell(
        self, pair: Pair, found: Rhythm, event: Waiting[Connection], context: Context
    ) -> None:
        time, offset, connection = event
        number, limit = len(pair.contacts), self.limits.beacon_variation
        missed = f", {found.missed} missed" if found.missed else ""
        words = (
            f"{number} contacts with {connection.destination}:{connection.port}, one each "
            f"{approximate_duration(round(found.interval))} with a coefficient of variation of "
            f"{found.variation:.3f}{missed}; up to {limit:g} is a program's"
        )
        record = Beacon(
            source=connection.source,
            destination=connection.destination,
            port=connection.port,
            contacts=number,
            interval=found.interval,
            variation=found.variation,
            limit=limit,
            missed=found.missed,
            first=pair.contacts[0],
            last=time,
            explanation=words,
            time=time,
            partition=context.partition,
            offset=offset,
        )
        announce(record, context)
