"""What the workers of a driver have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from eventfold.testing.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.settings import Settings
    from eventfold.engine.table import StateTable
    from eventfold.engine.tasks import Tasks
    from eventfold.testing.clock import VirtualClock
    from eventfold.testing.kafka import MemoryKafka
    from eventfold.testing.loop import VirtualLoop


class Agent(Protocol):
    """What the driver needs of Faust's agents."""

    @property
    def name(self) -> str:
        """What logs call it."""

    @property
    def fun(self) -> Callable[[Any], Any]:
        """The function that was decorated."""


class Application(Protocol):
    """What the driver needs of an application (`TickApp`)."""

    #: Where its tables look for the clock and the settings.
    tasks: Tasks

    @property
    def agents(self) -> Mapping[str, Any]:
        """Faust's agents by name."""


@dataclass
class Environment:
    """What all workers of a driver share."""

    app: Application
    conf: Settings
    tables: Sequence[StateTable]
    #: The agents of each source topic.
    agents: Mapping[str, Sequence[Agent]]
    clock: VirtualClock
    loop: VirtualLoop
    kafka: MemoryKafka
    #: How long a transaction takes (s).
    commit_time: float
    #: Most records of a batch.
    batch: int
    group: Group = field(default_factory=Group)
