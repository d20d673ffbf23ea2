"""Agents that do nothing but fold each batch of a table's source into the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from eventfold.engine.table import Host, StateTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from eventfold.engine.batch import Batch
    from eventfold.topics import Topic


class AgentHost(Host, Protocol):
    """Application that can declare agents."""

    def agent(self, channel: Any, *, name: str) -> Callable[[Any], Any]:
        """Declare an agent."""

    def batches(self, topic: Topic) -> Any:
        """Return the channel of a topic's batches."""


def fold_by_agent(app: AgentHost, table: StateTable) -> Any:
    """Declare the async agent that folds each batch of a table's source into it; return it.

        fold_machines = app.fold(machines)

    Tables and processors of an `App` have one, unless they are declared with `agent=False`.
    """

    async def fold(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await table.fold(batch)

    fold.__doc__ = f"Fold {table.source.base_name} into {table.name}."
    name = f"fold_{table.name.replace('-', '_')}"
    return app.agent(app.batches(table.source), name=name)(fold)
