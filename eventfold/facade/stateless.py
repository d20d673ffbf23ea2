"""Stateless operators by one function: filter, map, route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from eventfold.engine.agents import fold_by_agent
from eventfold.engine.output_topics import Output
from eventfold.engine.stateless import StatelessOperator
from eventfold.facade.names import (
    Source,
    demand_function,
    demand_name,
    help_of,
    made_topic,
    name_of_function,
    outputs_of,
    topic_of,
)
from eventfold.records.keys import KeyFields
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost
    from eventfold.operators.processor import Sender
    from eventfold.topics import Topic

#: Makes an operator of a function.
Decorator = Callable[[Callable[[Any], Any]], StatelessOperator]


def keep(
    app: AgentHost, source: Source, *, to: Output, name: str | None = None, help: str = ""
) -> Decorator:
    """Declare a filter: it sends the records of `source` on for which the function is true.

        @app.filter(visits, to="long-visits")
        def long_visits(visit: Visit) -> bool:
            return visit.seconds >= 60

    `to` is a topic, or a name for one of the same records and key. `name` is that of the operator,
    by default the function's. The decorated function becomes the operator, which may be the source
    of another stream. Raises DefinitionError.
    """

    def declare(function: Callable[[Any], Any]) -> StatelessOperator:
        operator = _operator(app, source, function, "filter", name, help=help)
        (output,) = outputs_of([to], operator.source, operator.where)

        def make(record: Any, sender: Sender) -> None:
            if function(record):
                sender.send(record, to=output)

        return operator.declare(make, [output])

    return declare


def change(
    app: AgentHost,
    source: Source,
    *,
    to: Output,
    key: KeyFields | None = None,
    name: str | None = None,
    help: str = "",
) -> Decorator:
    """Declare a map: it sends what the function makes of each record of `source`.

        @app.map(orders, to="amounts", key="country")
        def amounts(order: Order) -> Amount | None:
            return Amount(order.country, order.cents / 100, order.time)

    None sends nothing, a list sends each of its records. `to` is a topic, or a name for one of the
    records that the function is annotated to return; `key` is their key then, by default the name
    of that of `source`. Otherwise as `filter`.
    """

    def declare(function: Callable[[Any], Any]) -> StatelessOperator:
        operator = _operator(app, source, function, "map", name, help=help)
        output = made_topic(to, function, operator.source, key, operator.where)

        def make(record: Any, sender: Sender) -> None:
            made = function(record)
            if isinstance(made, list):
                for each in made:
                    sender.send(each, to=output)
            elif made is not None:
                sender.send(made, to=output)

        return operator.declare(make, [output])

    return declare


def route(
    app: AgentHost,
    source: Source,
    *,
    outputs: Iterable[Output],
    name: str | None = None,
    help: str = "",
) -> Decorator:
    """Declare a router: it sends each record of `source` to the output that the function names.

        @app.route(logs, outputs=["errors", "others"])
        def by_level(line: LogLine) -> str:
            return "errors" if line.level >= ERROR else "others"

    The function returns the name of an output, or None to drop the record. Another name makes the
    record a dead letter. Otherwise as `filter`.
    """

    def declare(function: Callable[[Any], Any]) -> StatelessOperator:
        operator = _operator(app, source, function, "route", name, help=help)
        topics = outputs_of(outputs, operator.source, operator.where)
        if not topics:
            raise DefinitionError(f"{operator.where}: name at least one output")
        by_name = {each.base_name: each for each in topics}

        def make(record: Any, sender: Sender) -> None:
            chosen = function(record)
            if chosen is None:
                return
            if chosen not in by_name:
                raise ValueError(f"{chosen!r} is none of its outputs: {', '.join(by_name)}")
            sender.send(record, to=by_name[chosen])

        return operator.declare(make, topics)

    return declare


class _Operator(NamedTuple):
    """A stateless operator that is declared: its function, and what is known of it."""

    app: AgentHost
    function: Callable[[Any], Any]
    name: str
    source: Topic
    #: What an error message begins with.
    where: str
    help: str

    def declare(
        self, make: Callable[[Any, Sender], None], outputs: list[Topic]
    ) -> StatelessOperator:
        """Declare the operator and its agent."""
        operator = StatelessOperator(
            self.app,
            name=self.name,
            source=self.source,
            make=make,
            outputs=outputs,
            help=self.help or help_of(self.function, self.source),
        )
        fold_by_agent(self.app, operator)
        return operator


def _operator(
    app: AgentHost, source: Source, function: Any, what: str, name: str | None, *, help: str
) -> _Operator:
    demand_function(function, what)
    own = demand_name(app, name or name_of_function(function))
    where = f"{what} {own}"
    topic = topic_of(source, where)
    return _Operator(app, function, own, topic, where, help)
