"""Hosts that contact a destination at regular intervals, as a program does and a person does not.

Malware asks its controller for orders now and then, with some jitter. What gives it away is the
coefficient of variation of the intervals, their standard deviation over their mean: 1 where
contacts are independent of each other, 0 where a clock makes them, j / sqrt(3) with a jitter of
+-j. RITA (Active Countermeasures) scores connections by the dispersion of their intervals, too.
"""

from __future__ import annotations

from itertools import pairwise
from math import fsum, sqrt
from statistics import median
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from msgspec import Struct, field

from app.beaconing.allowed import allow_list
from app.beaconing.connections import Connection
from app.beaconing.records import Beacon
from eventfold.operators.recent_alerts import announce
from eventfold.operators.reorder_buffer import InOrder, Waiting
from eventfold.windows.durations import approximate_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.beaconing.settings import BeaconSettings
    from eventfold.operators.processor import Context

#: A source's destinations are kept in so many rows: a contact writes one of them anew, not all.
PARTS = 16
#: At most this fraction of intervals may be several: a host sleeps, a packet is lost.
MOST_MISSED = 1 / 4


class Pair(Struct):
    """What is known of one destination of a source."""

    #: The latest contacts (ms), oldest first.
    contacts: list[int]
    #: The latest connection (ms): a contact may have many.
    last: int
    #: When it was told (ms).
    told: int | None = None


class PartState(Struct):
    """What is known of a part of a source's destinations."""

    waiting: list[Waiting[Connection]] = field(default_factory=list)
    pairs: dict[str, Pair] = field(default_factory=dict)


class Rhythm(NamedTuple):
    """How regular some instants are."""

    #: Mean of the intervals (ms), and their coefficient of variation.
    interval: float
    variation: float
    #: How many did not come between them.
    missed: int


def rhythm(times: Sequence[int]) -> Rhythm:
    """Give how regular instants (ms, at least three, ascending) are.

    An interval of about n times the median counts as n of which n - 1 ends were missed: it has n
    times their mean, and n times their variance.
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
    """Give the key of the part of its source that a connection's destination belongs to."""
    return f"{connection.source} {crc32(connection.destination.encode()) % PARTS}"


class Beaconing(InOrder[PartState, Connection]):
    """Looks for regularity in the contacts of each source with each destination."""

    def __init__(self, limits: BeaconSettings) -> None:
        self.limits = limits
        self.allowed = allow_list(limits.beacon_allowed)

    def on_record(
        self, state: PartState | None, record: Connection, context: Context
    ) -> PartState | None:
        """Let a connection wait for its turn, unless its destination is allowed."""
        if self.allowed(record.destination):
            return state
        return super().on_record(state, record, context)

    def new(self, key: str) -> PartState:  # noqa: ARG002  # it stands in each connection
        """Give the state of a part without destinations."""
        return PartState()

    def handle(self, state: PartState, event: Waiting[Connection], context: Context) -> None:
        """Take a connection in, and look at its pair if it is a contact."""
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
        """Forget who has been away for too long, or else who has the fewest contacts."""
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
