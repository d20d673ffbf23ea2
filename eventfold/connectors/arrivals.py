"""Arrivals of simulated records: most at once, some out of order, a few too late, a few broken."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple

import msgspec

from eventfold.connectors import Record
from eventfold.connectors.simulations import Make
from eventfold.topics import Topic

_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """A record at its event time (ms); a source yields events in order of it.

    `label` names the anomaly that the event is a part of, which is to be detected; else None.
    """

    time: int
    topic: Topic
    value: Any
    label: str | None = None


class Labelled(NamedTuple):
    """A record as it is sent, its topic and its event."""

    topic: Topic
    record: Record
    event: Event


#: Produces endless events from a seed, the number of events per second, and the time of the first
#: (ms).
MakeEvents = Callable[[int, float, int], Iterator[Event]]
MakeLabelled = Callable[[int, float, int], Iterator[Labelled]]


@dataclass(frozen=True)
class Delays:
    """Shares (fractions) of records: delayed by up to `grace` (ms), by more, or unreadable."""

    grace: int
    disorder: float = 0.03
    late: float = 0.0005
    broken: float = 0.0002


def arriving(events: Iterable[Event], seed: int, delays: Delays) -> Iterator[Labelled]:
    """Yield events as records, in order of arrival."""
    random = Random(f"arrivals {seed}")  # noqa: S311  # a simulation, not a secret
    delayed: list[tuple[int, int, Labelled]] = []
    for number, event in enumerate(events):
        while delayed and delayed[0][0] <= event.time:
            yield heappop(delayed)[2]
        chance = random.random()
        delay = 0
        if chance < delays.late:
            delay = int(delays.grace * (1.5 + 2 * random.random()))
        elif chance < delays.late + delays.disorder:
            delay = int(delays.grace * random.random() * 0.9)
        value = _encode(event.value)
        if random.random() < delays.broken:
            value = value[: len(value) // 2]
        key = event.topic.key_of(event.value).encode()
        labelled = Labelled(event.topic, (key, value, event.time), event)
        heappush(delayed, (event.time + delay, number, labelled))


def simulated(make: MakeEvents, delays: Delays) -> MakeLabelled:
    """Return a function that produces labelled records from the events of `make`."""
    return lambda seed, rate, start: arriving(make(seed, rate, start), seed, delays)


def without_labels(make: MakeLabelled) -> Make:
    """Return a function that produces the same records without their labels."""
    return lambda *given: ((topic, record) for topic, record, _ in make(*given))


def merged(first: Iterator[Event], *others: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of several sources, at least one of each, in order of time."""
    heap: list[tuple[int, int, Event, Iterator[Event]]] = []
    for number, source in enumerate((first, *others)):
        event = next(source)
        heappush(heap, (event.time, number, event, source))
    while heap:
        _, number, event, source = heappop(heap)
        yield event
        following = next(source, None)
        if following is not None:
            heappush(heap, (following.time, number, following, source))
