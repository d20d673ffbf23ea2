"""Faust's table manager, which leaves our tables to their tasks."""

from __future__ import annotations

from typing import Any, cast

from faust.tables.manager import TableManager

from eventfold.engine.table import StateTable


class TaskTableManager(TableManager):
    """Knows all tables by name; declares and recovers only those that are Faust's."""

    def add(self, table: Any) -> Any:
        """Register a table. Raises ValueError for a name that is taken."""
        if not isinstance(table, StateTable):
            return super().add(table)
        if table.name in self:
            raise ValueError(f"Table with name {table.name!r} already exists")
        self[table.name] = cast("Any", table)
        # As if its changelog were subscribed to already: Faust is not to read it.
        cast("Any", self._channels)[table] = None
        return table

    def on_actives_ready(self) -> None:
        """Let tasks go: Faust calls this once a generation, after it has resumed the flow."""
        super().on_actives_ready()
        cast("Any", self.app).tasks.on_flow_open()
