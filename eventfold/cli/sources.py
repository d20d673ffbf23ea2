"""Sources that the command `produce` sends: files, simulations, and an application's own."""

import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import click

from eventfold.cli.command import LongCommand, OptionError
from eventfold.cli.progress import bar
from eventfold.connectors.feed import Outboxes, fast, live
from eventfold.connectors.input_report import InputReport
from eventfold.connectors.simulations import Simulation
from eventfold.topics import Topic
from eventfold.worker.startup_checks import declared_topics


@dataclass(frozen=True)
class Source:
    """A source that `produce --source NAME` sends, with options of its own.

    `send` sends until the source ends or the command is stopped; the values of all options are in
    the command's `kwargs`.
    """

    name: str
    send: Callable[[LongCommand], Coroutine[Any, Any, None]]
    options: Sequence[click.Option] = ()
    #: Whether it reads a file, and is written `NAME:PATH`.
    takes_path: bool = False


class _Sender(Protocol):
    """What sends records: an Outbox, or Outboxes."""

    @property
    def delivered(self) -> int: ...
    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *exc_info: object) -> None: ...
    async def send(self, records: Any) -> None: ...
    async def flush(self) -> None: ...
    async def drain(self) -> None: ...


async def send_all(
    command: LongCommand,
    sender: _Sender,
    slices: AsyncIterator[list[Any]],
    topics: Sequence[str],
    *,
    is_live: bool,
    shown: AbstractAsyncContextManager[None] | None = None,
    report: InputReport | None = None,
) -> None:
    """Send all records of `slices`, and print how many were delivered, even if that is stopped.

    Live records are sent at once instead of in full batches. The progress is `shown`, by default
    towards `--count` records. With `--json` the `report` of an input is part of what is printed.
    """
    sent, count = 0, command.kwargs["count"]
    shown = shown or bar(command.kwargs["source"], done=lambda: sent, total=lambda: count)
    await command.demand_broker()
    begun = None
    try:
        async with sender:
            begun = time.perf_counter()
            async with shown:
                async for records in slices:
                    await sender.send(records)
                    sent += len(records)
                    if is_live:
                        await sender.flush()
                await sender.drain()
    finally:
        if begun is not None:
            seconds = time.perf_counter() - begun
            print_sent(command, sender.delivered, topics, seconds, report)


def print_sent(
    command: LongCommand,
    number: int,
    topics: Sequence[str],
    seconds: float,
    report: InputReport | None = None,
) -> None:
    """Print how many records were delivered to which topics, and in how many seconds."""
    if command.json:
        facts: dict[str, Any] = {"topics": topics, "records": number, "seconds": round(seconds, 3)}
        if report is not None:
            facts["input"] = report.facts()
        command.say(json.dumps(facts))
        return
    rate = f"{number / seconds:,.0f}/s"
    records = "record" if number == 1 else "records"
    command.say(f"{number:,} {records} to {', '.join(topics)} in {seconds:.1f} s ({rate})")


def named_topic(command: LongCommand, default: Topic | None) -> Topic:
    """Return the topic of the option `--topic`, or `default`.

    A topic that the application does not know has records as `default` has. Raises OptionError if
    there is none.
    """
    name = command.kwargs["topic"]
    known = declared_topics(command.app)
    topic: Topic | None = known.get(name, default) if name else default
    if topic is None:
        reason = "which topic?" if name is None else f"{name!r} is no topic of this application"
        raise OptionError(f"--topic: {reason} It has {', '.join(sorted(known))}")
    return topic


async def send_simulation(command: LongCommand, simulation: Simulation) -> None:
    """Send a simulation to its topics."""
    count = command.kwargs["count"]
    name = command.kwargs["source"]
    rate = rate_of(command, name, simulation.rate)
    if command.kwargs["topic"]:
        raise OptionError(f"--topic: the simulation {name} has topics of its own")
    start = start_of(command) if not rate else int(time.time() * 1000)
    seed, step = command.kwargs["seed"], command.kwargs["step"]
    made = simulation.make(seed, rate or 1000 / step, start)
    slices = live(made, count) if rate else fast(made, count)
    outboxes = Outboxes(command.app.settings, simulation)
    topics = [topic.of(command.app.settings).name for topic in simulation.topics]
    await send_all(command, outboxes, slices, topics, is_live=bool(rate))


def rate_of(command: LongCommand, name: str, usual: float) -> float:
    """Return records per second, 0 for as fast as possible, which has to have an end."""
    rate = command.kwargs["rate"]
    if rate == 0 and command.kwargs["count"] is None:
        raise OptionError(f"--rate 0 needs --count: a {name} as fast as possible has no end")
    return usual if rate is None else float(rate)


def start_of(command: LongCommand) -> int:
    """Return the event time of the first of `--count` records at full speed."""
    start, count = command.kwargs["start"], command.kwargs["count"]
    if start is not None:
        return int(start)
    return int(time.time() * 1000 - count * command.kwargs["step"])


def simulated(
    simulations: Mapping[str, Simulation | Callable[[], Simulation]],
) -> tuple[Source, ...]:
    """Return a source for each simulation; a function of it is called when it is sent."""

    def sender(given: Simulation | Callable[[], Simulation]) -> Callable[[LongCommand], Any]:
        return lambda command: send_simulation(
            command, given if isinstance(given, Simulation) else given()
        )

    return tuple(Source(name, sender(given)) for name, given in simulations.items())
