"""Faust's table manager, which leaves state tables to their tasks."""

from typing import Any, cast

from faust.tables.manager import TableManager

from eventfold.engine.table import StateTable


class TaskTableManager(TableManager):
    """Registry of all tables by name, which declares and recovers only Faust's own."""

    def add(self, table: Any) -> Any:
        """Register a table. Raises ValueError if its name is taken."""
        if not isinstance(table, StateTable):
            return super().add(table)
        if table.name in self:
            raise ValueError(f"Table with name {table.name!r} already exists")
        self[table.name] = cast("Any", table)
        # Faust does not read the changelog of a table that it thinks is subscribed already.
        cast("Any", self._channels)[table] = None
        return table

    def on_actives_ready(self) -> None:
        """Start the tasks: Faust calls this once a generation, after it has resumed the flow."""
        super().on_actives_ready()
        cast("Any", self.app).tasks.on_flow_open()
