"""Interface of what an application simulates while `up` runs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from mode import Service
from rich.console import Console

from eventfold.kafka.admin import Described
from eventfold.settings import Settings


class Simulators(Protocol):
    """Simulated sources, whose services start after the worker and stop before it."""

    @property
    def topics(self) -> Collection[Described]:
        """Topics that they write to."""

    @property
    def ready_paths(self) -> tuple[str, ...]:
        """Paths of the worker that answer with 200 once there is something to show."""

    async def prepare(self, conf: Settings) -> None:
        """Do what has to be done with the worker's settings before it starts."""

    def services(self, conf: Settings) -> Iterator[Service]:
        """Yield the services, each when the one before has started; they stop in reverse order."""

    def describe(self) -> Mapping[str, str]:
        """Return a line for each simulation, by its name."""

    async def show_progress(self, conf: Settings, console: Console) -> None:
        """Show their throughput at intervals, on a terminal; return if there is none to show."""


#: Makes the simulators of an application from it, the directory of data, and the command's options.
MakeSimulators = Callable[[Any, Path, Mapping[str, Any]], Simulators]
