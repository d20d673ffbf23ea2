"""Simulations that an application declares, while `up` runs."""

from collections.abc import Collection, Iterator, Mapping

from mode import Service
from rich.console import Console

from eventfold.connectors.feed import Feed
from eventfold.connectors.simulations import Simulation
from eventfold.kafka.admin import Described
from eventfold.settings import Settings


class Feeds:
    """Simulators of simulations by their names, each of which is sent by a Feed."""

    ready_paths: tuple[str, ...] = ()

    def __init__(self, conf: Settings, simulations: Mapping[str, Simulation]) -> None:
        self._simulations = simulations
        topics = (topic for each in simulations.values() for topic in each.topics)
        self.topics: Collection[Described] = [topic.of(conf) for topic in topics]

    async def prepare(self, conf: Settings) -> None:
        """Prepare each simulation, such as by its example rules."""
        for each in self._simulations.values():
            if each.prepare:
                await each.prepare(conf)

    def services(
        self, conf: Settings, *, seed: int | None = None, start: int | None = None
    ) -> Iterator[Service]:
        """Yield a Feed for each, with the same seed and start."""
        for each in self._simulations.values():
            yield Feed(conf, each, seed=seed, start=start)

    def describe(self) -> Mapping[str, str]:
        """Return purpose, rate and topics of each."""
        return {name: _describe(each) for name, each in self._simulations.items()}

    async def show_progress(self, conf: Settings, console: Console) -> None:
        """Show nothing more: the dashboard has the rates."""


def _describe(simulation: Simulation) -> str:
    topics = ", ".join(topic.base_name for topic in simulation.topics)
    return f"{simulation.purpose}, {simulation.rate:,.10g}/s, topic {topics}"
