"""Processors of a key's records, by one function, and another for timers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, overload

from eventfold.engine.agents import fold_by_agent
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.output_topics import Output
from eventfold.engine.stateless import StatelessOperator
from eventfold.facade.keying import by_key
from eventfold.facade.names import (
    Source,
    demand_function,
    demand_name,
    help_of,
    name_of_function,
    outputs_of,
    shown,
    topic_of,
)
from eventfold.operators.processor import FunctionProcessor
from eventfold.records.keys import KeyFields
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost
    from eventfold.operators.processor import Sender
    from eventfold.topics import Topic


@overload
def processor(
    app: AgentHost,
    source: Source,
    *,
    outputs: Iterable[Output],
    key: KeyFields | None = None,
    name: str | None = None,
    help: str = "",
    agent: bool = True,
) -> Callable[[Callable[[Any, Sender], None]], StatelessOperator]: ...
@overload
def processor(
    app: AgentHost,
    source: Source,
    *,
    state: Any,
    outputs: Iterable[Output] = (),
    key: KeyFields | Callable[[Any], str | None] | None = None,
    name: str | None = None,
    retention: int | str = "7d",
    grace: int | str = 0,
    shared: Any = None,
    reference_data: tuple[type, ...] = (),
    version: int = 1,
    help: str = "",
    agent: bool = True,
) -> Callable[[Any], KeyedTable]: ...
def processor(
    app: AgentHost,
    source: Source,
    *,
    state: Any = None,
    outputs: Iterable[Output] = (),
    key: KeyFields | Callable[[Any], str | None] | None = None,
    name: str | None = None,
    retention: int | str = "7d",
    grace: int | str = 0,
    shared: Any = None,
    reference_data: tuple[type, ...] = (),
    version: int = 1,
    help: str = "",
    agent: bool = True,
) -> Callable[[Any], KeyedTable | StatelessOperator]:
    """Declare a processor: a function that computes the state of each key from its records.

        @app.processor(games, key="team", state=int, outputs=[STREAKS])
        def streaks(games: int | None, game: Game, ctx: ef.Context) -> int | None:
            games = (games or 0) + 1 if game.won else 0
            if games == 5:
                ctx.send(Streak(ctx.key, games, game.time))
            return games

        @streaks.on_timer
        def forget(games: int, ctx: ef.Context) -> int | None:
            return None

    The function gets the state (None at first), the record and the context, and returns the next
    state; None deletes it. `ctx.send` writes to one of `outputs` by the type of the record,
    `ctx.timer(at)` fires `on_timer` when the watermark reaches `at` (ms). `state` is the type of
    the state. Instead of a function, an object or class with `on_record`, and `on_time` and
    `on_shared` where they are needed, may be decorated.

    Without `state` the function gets the record and the context alone, and keeps nothing: a
    stateless operator.

    `key` groups by other fields of the record than its topic's key: the records are sent to an
    internal topic first. It may also be a function of the record: see `KeyedTable`, which explains
    the other arguments. The decorated function becomes the table. Raises DefinitionError.
    """

    def declare(given: Any) -> KeyedTable | StatelessOperator:
        process = _process_of(given)
        own = demand_name(app, name or name_of_function(given))
        where = f"processor {own}"
        topic = topic_of(source, where)
        written = outputs_of(outputs, topic, where)
        if isinstance(key, str | tuple):
            topic = by_key(app, topic, key, own)
        elif key is not None and not callable(key):
            raise DefinitionError(f"{where}: a key is a field, several, or a function, not {key!r}")
        try:
            table: KeyedTable | StatelessOperator
            if state is None:
                table = _stateless(app, own, topic, given, outputs=written, help=help)
            else:
                table = KeyedTable(
                    app,
                    name=own,
                    source=topic,
                    process=process,
                    state=state,
                    outputs=written,
                    retention=retention,
                    help=help or help_of(given, topic),
                    key=key if callable(key) else None,
                    shared=shared,
                    grace=grace,
                    reference_data=reference_data,
                    version=version,
                )
        except DefinitionError as error:
            raise DefinitionError(f"{where}: {error}") from None
        if agent:
            fold_by_agent(app, table)
        return table

    return declare


def _stateless(
    app: AgentHost, name: str, source: Topic, given: Any, *, outputs: list[Topic], help: str
) -> StatelessOperator:
    demand_function(given, f"processor {name}, which has no state,")
    return StatelessOperator(
        app,
        name=name,
        source=source,
        make=given,
        outputs=outputs,
        help=help or help_of(given, source),
    )


def _process_of(given: Any) -> Any:
    process = given() if isinstance(given, type) else given
    if hasattr(process, "on_record"):
        return process
    if not callable(process):
        raise DefinitionError(
            f"processor: {shown(given)} is no function, and has no method on_record"
        )
    return FunctionProcessor(process)
