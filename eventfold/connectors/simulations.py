"""Simulated sources: endless records of topics, the same ones from the same seed."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from eventfold.connectors import Record
from eventfold.settings import Settings
from eventfold.topics import Topic

#: A record and its topic.
Sent = tuple[Topic, Record]

#: Produces a simulation's endless records from a seed, the number of records per second of event
#: time, and the event time of the first (ms); the same arguments produce the same records, byte for
#: byte. They are in order of sending: a live record is sent when the highest event time so far is
#: now, so a record that is simulated as late follows those that overtook it.
Make = Callable[[int, float, int], Iterator[Sent]]


@dataclass(frozen=True)
class Simulation:
    """A simulated source of one topic or several."""

    topics: tuple[Topic, ...]
    make: Make
    purpose: str
    #: Default rate (records per second).
    rate: float = 5.0
    #: Called by `up` with the worker's settings, before the worker starts.
    prepare: Callable[[Settings], Awaitable[None]] | None = None


def into(topic: Topic, records: Callable[[int, float, int], Iterator[Record]]) -> Make:
    """Return a function that produces the records of `records` with `topic` as their topic."""
    return lambda seed, rate, start: ((topic, each) for each in records(seed, rate, start))
