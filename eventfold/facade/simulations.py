"""Simulated sources by one function, to see a stream move before there is any data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from eventfold.connectors.simulations import Simulation, into
from eventfold.facade.names import (
    demand_function,
    help_of,
    name_of_function,
    shown,
    topic_of,
)
from eventfold.topics import Topic
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.connectors import Record

#: Makes the record of an event time (ms), or None, by a generator of random numbers.
MakeRecord = TypeVar("MakeRecord", bound=Callable[[Random, int], Any])


class SimulationHost(Protocol):
    """Application that can declare simulations."""

    #: Simulations by their names.
    simulations: dict[str, Simulation]


def simulation(
    app: SimulationHost, topic: Topic, *, rate: float = 5.0, help: str = ""
) -> Callable[[MakeRecord], MakeRecord]:
    """Declare a simulated source: a function that makes each record of `topic`.

        @app.simulation(visits, rate=50)
        def visitors(random: Random, time: int) -> Visit:
            return Visit(random.choice(["/", "/docs"]), random.randrange(120), time)

    `faust -A MODULE up` calls it `rate` times a second while it runs, and
    `faust -A MODULE produce --source visitors` sends its records alone. The function gets a
    `random.Random`, which has the same numbers for the same `--seed`, and the event time (ms); it
    returns a record, which may be of an earlier time, or None for no record. The source has the
    function's name, with `-` for `_`. Raises DefinitionError.
    """

    def declare(function: MakeRecord) -> MakeRecord:
        demand_function(function, "simulation")
        name = name_of_function(function)
        where = f"simulation {name}"
        if not isinstance(topic, Topic):
            raise DefinitionError(f"{where}: it sends to a Topic, not {shown(topic)}")
        topic_of(topic, where)
        if not rate > 0:
            raise DefinitionError(f"{where}: rate={rate!r} is no number of records per second")
        if name in {*app.simulations, "file"}:
            raise DefinitionError(f"{where}: there is a source {name!r} already: rename one")
        app.simulations[name] = Simulation(
            (topic,),
            into(topic, partial(_records, topic, function)),
            help or help_of(function, topic),
            rate,
        )
        return function

    return declare


def _records(topic: Topic, function: Any, seed: int, rate: float, start: int) -> Iterator[Record]:
    """Yield endless records, `rate` times a second from event time `start` (ms) on."""
    random = Random(seed)  # noqa: S311  # a simulation
    encode = topic.write or msgspec.json.encode
    for number in count():
        time = start + int(number * 1000 / rate)
        record = function(random, time)
        if record is None:
            continue
        if not isinstance(record, topic.value):
            name = name_of_function(function)
            raise DefinitionError(
                f"simulation {name}: {record!r} is no record of {topic.base_name}"
            )
        yield topic.key_of(record).encode(), encode(record), time
