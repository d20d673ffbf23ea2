"""Environment that the workers of a driver share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from eventfold.testing.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventfold.engine.table import StateTable
    from eventfold.engine.tasks import Tasks
    from eventfold.settings import Settings
    from eventfold.testing.clock import VirtualClock
    from eventfold.testing.kafka import MemoryKafka
    from eventfold.testing.loop import VirtualLoop


class Agent(Protocol):
    """Interface that the driver needs of Faust's agents."""

    @property
    def name(self) -> str:
        """The agent's name in logs."""

    @property
    def fun(self) -> Callable[[Any], Any]:
        """The decorated function."""


class Application(Protocol):
    """Interface that the driver needs of an application (`TickApp`)."""

    #: The tasks from which tables take the clock and the settings.
    tasks: Tasks

    @property
    def agents(self) -> Mapping[str, Any]:
        """Faust's agents by name."""


@dataclass
class Environment:
    """Everything that the workers of a driver share."""

    app: Application
    conf: Settings
    tables: Sequence[StateTable]
    #: The agents of each source topic.
    agents: Mapping[str, Sequence[Agent]]
    clock: VirtualClock
    loop: VirtualLoop
    kafka: MemoryKafka
    #: Duration of a transaction (s).
    commit_time: float
    #: Most records of a batch.
    batch: int
    group: Group = field(default_factory=Group)
