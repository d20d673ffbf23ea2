"""Selection of a window table's results, by predicates over their records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from eventfold.engine.output_topics import Output, output_topic, returned_type
from eventfold.windows import WindowResult
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.owner import Runtime
    from eventfold.topics import BoundTopic, Topic


class Selected(Protocol):
    """Window table, as far as a selection of its results needs it."""

    name: str
    help: str
    record: Callable[[Any], Any]
    record_type: Any
    publications: list[tuple[BoundTopic, Callable[[Any], Any]]]

    @property
    def source(self) -> Topic:
        """Topic that it is folded from."""

    @property
    def runtime(self) -> Runtime:
        """What the tables of a worker share."""


class Selection:
    """Results of a window table whose records meet all predicates."""

    def __init__(self, table: Selected, predicates: Sequence[Callable[[Any], bool]]) -> None:
        for each in predicates:
            if not callable(each):
                raise DefinitionError(f"table {table.name}: where() needs functions, not {each!r}")
        self._table = table
        self._predicates = tuple(predicates)

    def where(self, *predicates: Callable[[Any], bool]) -> Selection:
        """Return those that meet further predicates too."""
        return Selection(self._table, (*self._predicates, *predicates))

    def publish(self, topic: Output, record: Callable[[WindowResult], Any] | None = None) -> Topic:
        """Write the results to `topic`: see `WindowTable.publish`."""
        table = self._table
        kind = table.record_type if record is None else None
        to = self._topic(topic, kind, f"table {table.name}: publish")
        make = record or table.record
        return self._publish(to, self._selected(make) if self._predicates else make)

    def on_final(self, function: Callable[[Any], Any], *, to: Output) -> Topic:
        """Write what `function` makes of each final result: see `WindowTable.on_final`."""
        where = f"table {self._table.name}: on_final"
        if not callable(function):
            raise DefinitionError(f"{where}: {function!r} is no function of a record")
        kind = returned_type(function, where) if isinstance(to, str) else None
        topic = self._topic(to, kind, where)
        selected = self._selected(self._table.record)

        def make(result: WindowResult) -> Any:
            found = selected(result) if result.final else None
            return None if found is None else function(found)

        return self._publish(topic, make)

    def _publish(self, topic: Topic, make: Callable[[WindowResult], Any]) -> Topic:
        self._table.publications.append((topic.of(self._table.runtime.conf), make))
        return topic

    def _topic(self, to: Output, kind: Any, where: str) -> Topic:
        source = self._table.source
        is_result = kind is not None and kind is self._table.record_type
        return output_topic(
            to,
            kind,
            source.key,
            where,
            purpose=self._table.help if is_result else "",
            # A generated record's time is the stream time of its publication.
            processing=("time",) if is_result else (),
            source=source,
        )

    def _selected(self, make: Callable[[WindowResult], Any]) -> Callable[[WindowResult], Any]:
        record, predicates = self._table.record, self._predicates

        def selected(result: WindowResult) -> Any:
            found = record(result)
            if not all(meets(found) for meets in predicates):
                return None
            return found if make is record else make(result)

        return selected
