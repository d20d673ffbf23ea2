"""Joins of two streams, or of a stream with the latest record of another topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from msgspec import defstruct

from eventfold.engine.agents import fold_by_agent
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.output_topics import Output
from eventfold.engine.stateless import StatelessOperator
from eventfold.facade.names import (
    Source,
    choice,
    demand_function,
    demand_name,
    help_of,
    made_topic,
    name_of_function,
    topic_of,
)
from eventfold.facade.result_records import class_name
from eventfold.operators.joins import KINDS, Join, Kind, Pair, Reason, Waiting
from eventfold.operators.lookups import Lookup
from eventfold.records.fields import Integer
from eventfold.records.keys import KeyFields, demand_key, is_text, key_fields, key_reader
from eventfold.topics import Topic
from eventfold.windows import milliseconds
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost
    from eventfold.operators.processor import Sender

#: Retention (ms) of 1,000 years: the latest record of a key is kept for ever.
FOR_EVER = 1_000 * 365 * 86_400_000


class LookupTable(NamedTuple):
    """The latest record of each key of a topic, as the right side of a join."""

    topic: Topic


def lookup_table(app: AgentHost, source: Source) -> LookupTable:  # noqa: ARG001
    """Return the lookup side of a topic: the latest record of each key.

        profiles = app.table(ef.Topic("profiles", Profile, key="user", compacted=True))

        @app.join(clicks, profiles, how="left", to="enriched-clicks")
        def enriched(click: Click, profile: Profile | None) -> EnrichedClick: ...

    Raises DefinitionError if `source` is neither a topic nor a table that writes one.
    """
    return LookupTable(topic_of(source, "table"))


def join(
    app: AgentHost,
    left: Source,
    right: Source | LookupTable,
    *,
    to: Output,
    within: int | str | None = None,
    how: Kind = "inner",
    key: KeyFields | None = None,
    grace: int | str | None = None,
    name: str | None = None,
    help: str = "",
) -> Callable[[Callable[[Any, Any], Any]], KeyedTable]:
    """Declare a join: it sends what the function makes of two records with the same key.

        @app.join(orders, payments, within="10m", how="left", to="paid-orders")
        def paid_orders(order: Order, payment: Payment | None) -> PaidOrder:
            return PaidOrder(order.id, payment is not None, order.time)

    The event times of a pair differ by `within` at most (ms, or text). `how` is "inner" (pairs
    only), "left" (also each left record without a partner, with None for the right one) or "outer"
    (also each right one). Each topic is joined by its own key, or both by the fields `key`. `grace`
    is how late a record may be, `within` if it is None.

    With a lookup table on the right, each left record gets the latest right record of its key that
    arrived before it, whatever their times; `within` has no meaning then.

    `to` is a topic, or a name for one of the records that the function is annotated to return.
    Both streams are sent to one internal topic first, so that they have one order. The decorated
    function becomes the table. Raises DefinitionError.
    """

    def declare(function: Callable[[Any, Any], Any]) -> KeyedTable:
        demand_function(function, "join")
        own = demand_name(app, name or name_of_function(function))
        where = f"join {own}"
        is_lookup = isinstance(right, LookupTable)
        first = topic_of(left, where)
        second = right.topic if isinstance(right, LookupTable) else topic_of(right, where)
        choice(how, KINDS, "kind of join", where)
        reach = _reach(within, where, how, is_lookup=is_lookup)
        output = made_topic(to, function, first, key, where)
        sides = [
            _side(each, key, place, own, where)
            for each, place in ((first, "left"), (second, "right"))
        ]
        joined = Topic(
            f"{own}-joined",
            Union[sides[0].kind, sides[1].kind],  # noqa: UP007  # they are values, not types
            key="key",
            purpose=f"both sides of {own} in one order",
            partitions=first.partitions,
            internal=True,
        )
        _demand_same_kind(sides, where)
        for side in sides:
            _send_on(app, side, joined, own)
        kinds = sides[0].kind, sides[1].kind
        of_kind = (
            _of_lookup(kinds, function, how)
            if is_lookup
            else _of_pairs(kinds, function, how, reach)
        )
        table = KeyedTable(
            app,
            name=own,
            source=joined,
            outputs=[output],
            grace=(reach if grace is None else grace),
            help=help or help_of(function, first),
            **of_kind,
        )
        fold_by_agent(app, table)
        return table

    return declare


def _of_lookup(
    kinds: tuple[Any, Any], function: Callable[[Any, Any], Any], how: Kind
) -> dict[str, Any]:
    """Return the options of the table that joins with the latest right record."""
    return {
        "process": Lookup(*kinds, function, how == "left"),
        "state": kinds[1],
        "retention": FOR_EVER,
        "reference_data": (kinds[1],),
    }


def _of_pairs(
    kinds: tuple[Any, Any], function: Callable[[Any, Any], Any], how: Kind, reach: int
) -> dict[str, Any]:
    """Return the options of the table that joins records within `reach` (ms) of each other."""
    return {
        "process": _join(kinds, function, how, reach),
        "state": Waiting[kinds[0], kinds[1]],  # type: ignore[valid-type]
        "retention": max(2 * reach, 1),
    }


class _Side(NamedTuple):
    """One side of a join: its topic, and the type that wraps its records in the joined topic."""

    place: str
    topic: Topic
    kind: Any
    #: Fields of the key.
    fields: tuple[str, ...]
    key_of: Callable[[Any], str]


def _side(topic: Topic, key: KeyFields | None, place: str, own: str, where: str) -> _Side:
    key = topic.key if key is None else key
    demand_key(topic.value, key, f"the {place} side of {where}")
    kind = defstruct(
        f"{class_name(own)}{place.title()}",
        [("key", str), ("time", Integer), ("record", topic.value)],
        tag=place,
        tag_field="side",
        frozen=True,
        gc=False,
    )
    return _Side(place, topic, kind, key_fields(key), key_reader(topic.value, key))


def _demand_same_kind(sides: Sequence[_Side], where: str) -> None:
    left, right = ([_kind_of(side, name) for name in side.fields] for side in sides)
    if left != right:
        (first, its), (second, other) = ((each, ", ".join(each.fields)) for each in sides)
        raise DefinitionError(
            f"{where}: the key of {first.topic.base_name} ({its}) is {' and '.join(left)} and that "
            f"of {second.topic.base_name} ({other}) {' and '.join(right)}, so they never match: "
            "name key="
        )


def _kind_of(side: _Side, field: str) -> str:
    return "a text" if is_text(side.topic.value, field) else "a number"


def _send_on(app: AgentHost, side: _Side, joined: Topic, own: str) -> None:
    kind, key_of = side.kind, side.key_of

    def make(record: Any, sender: Sender) -> None:
        sender.send(kind(key_of(record), sender.time, record), to=joined)

    operator = StatelessOperator(
        app,
        name=f"{own}-{side.place}",
        source=side.topic,
        make=make,
        outputs=[joined],
        help=f"The {side.place} side of {own}",
    )
    fold_by_agent(app, operator)


def _reach(within: int | str | None, where: str, how: str, *, is_lookup: bool) -> int:
    if is_lookup:
        if within is not None:
            raise DefinitionError(
                f"{where}: a lookup has no within: the latest record counts, however old it is"
            )
        if how == "outer":
            raise DefinitionError(f"{where}: a join with a table is inner or left, not outer")
        return 0
    if within is None:
        raise DefinitionError(
            f'{where}: within="10m" says how far apart two records may be; for the latest record '
            "of a key, join with app.table(topic)"
        )
    try:
        return milliseconds(within)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: within: {error}") from None


def _join(
    kinds: tuple[Any, Any], function: Callable[[Any, Any], Any], how: Kind, reach: int
) -> Join:
    left = kinds[0]

    def pair(found: Pair) -> list[Any]:
        return _sent(function(found.left.record, found.right.record))

    def alone(side: Any, _reason: Reason) -> list[Any]:
        if isinstance(side, left):
            return _sent(function(side.record, None))
        return _sent(function(None, side.record))

    return Join(*kinds, pair=pair, alone=alone, kind=how, before=reach, after=reach)


def _sent(made: Any) -> list[Any]:
    return [] if made is None else [made]
