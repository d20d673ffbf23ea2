"""Simulated sources: `produce --source NAME` sends one, `make up` all whose topics are read.

A use case names its own in USE_CASE, and makes them in its module `simulator`.
"""

from collections.abc import Awaitable, Callable, Container, Iterator
from dataclasses import dataclass
from importlib import import_module

from app.sources import Record
from app.use_case import use_cases
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


def names() -> list[str]:
    """Return the names of all simulations, without importing any."""
    return [each.simulation for each in use_cases() if each.simulation]


def simulation(name: str) -> Simulation:
    """Return a simulation by its name."""
    package = next(each.name for each in use_cases() if each.simulation == name)
    found: Simulation = import_module(f"app.{package}.simulator").SIMULATION
    return found


def read_by(topics: Container[str]) -> dict[str, Simulation]:
    """Return the simulations that send to any of `topics` (names)."""
    every = ((name, simulation(name)) for name in names())
    return {
        name: each
        for name, each in every
        if any(topic.base_name in topics for topic in each.topics)
    }
