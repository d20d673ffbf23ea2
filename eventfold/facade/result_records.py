"""Result records: the record type of a window table, generated from its aggregates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from keyword import iskeyword
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import defstruct

from eventfold.aggregates import Aggregate, Count, Ohlc, OhlcOf, OhlcState, Several, value_of
from eventfold.facade.aggregates import Prices, called, demand_aggregate, value_type
from eventfold.records.fields import Integer, Natural
from eventfold.records.keys import key_parser
from eventfold.records.shape import annotation_of, members
from eventfold.topics import Topic
from eventfold.windows import WindowResult
from eventfold.windows.errors import DefinitionError

#: Fields of every result record, after those of the key. `time` is the event time of the result
#: for a stream that is made of it.
_BEFORE = {"start": Integer, "end": Integer, "size": Integer, "advance": Integer}
_AFTER = {"count": Natural, "late": Natural, "revision": Integer, "final": bool, "time": Integer}

_NO_PRICES = Prices(None, None, None, None, 0, None)
_PRICES = attrgetter(*Prices.__struct_fields__)


class Column(NamedTuple):
    """A field of a result record: its name, its type, and how it is read from a window's state."""

    name: str
    kind: Any
    read: Callable[[WindowResult], Any]


class Results(NamedTuple):
    """What a table stores of its windows, and the records that it makes of them."""

    aggregate: Aggregate[Any, Any]
    kind: type[Any]
    make: Callable[[WindowResult], Any]


def results_of(
    table: str,
    source: Topic,
    flat: Sequence[Any],
    named: Mapping[str, Any],
    purpose: str,
) -> Results:
    """Return the aggregate and the record type of a table.

    `named` are the aggregates by the names of their fields. `flat` are those whose values are
    spread over several fields of the record: `ohlc`. Raises DefinitionError.
    """
    where = f"table {table}"
    for name, each in named.items():
        _demand_field_name(name, each, source, where)
        demand_aggregate(each, source.value, f"{where}: {name}=")
    for each in flat:
        demand_aggregate(each, source.value, f"{where}: ")
    every = {**{called(each): each for each in flat}, **named}
    if len(every) < len(flat) + len(named):
        raise DefinitionError(f"{where}: two aggregates have the same name, give each another one")
    stored = {name: each for name, each in every.items() if not _is_plain_count(each)}
    aggregate = _combined(stored)
    alone = len(stored) == 1
    columns: list[Column] = []
    for each in flat:
        columns += _spread(each, called(each), where, alone=alone)
    for name, each in named.items():
        if name != "count":
            columns.append(_column(name, each, source.value, alone=alone))
    kind = _record_type(table, source, columns, purpose)
    return Results(aggregate, kind, _maker(kind, source, columns))


def class_name(table: str) -> str:
    """Return the name of a record type that is made for a table: `PageTimes` for `page-times`."""
    words = re.split(r"[^A-Za-z0-9]+", table)
    found = "".join(word[:1].upper() + word[1:] for word in words)
    return found if found[:1].isalpha() else f"Table{found}"


def _demand_field_name(name: str, aggregate: Any, source: Topic, where: str) -> None:
    if iskeyword(name) or name.startswith("_"):
        raise DefinitionError(f"{where}: {name!r} can't be the name of a field")
    if name == "count":
        if not _is_plain_count(aggregate):
            raise DefinitionError(
                f"{where}: count is the number of records in each result, and {called(aggregate)} "
                "needs another name"
            )
    elif name in {*_BEFORE, *_AFTER, *source.key_fields}:
        raise DefinitionError(
            f"{where}: each result has a field {name!r} already, give the aggregate another name"
        )


def _is_plain_count(aggregate: Any) -> bool:
    return type(aggregate) is Count and not aggregate.reads


def _combined(stored: Mapping[str, Any]) -> Any:
    """Return one aggregate of several; the number of records needs none, as panes count them."""
    if not stored:
        return Count()
    return next(iter(stored.values())) if len(stored) == 1 else Several(**stored)


def _column(name: str, aggregate: Any, kind: Any, *, alone: bool) -> Column:
    if _is_plain_count(aggregate):
        return Column(name, Natural, lambda result: result.count)
    value = _value_of(aggregate)

    def read(result: WindowResult) -> Any:
        return value(result.state if alone else getattr(result.state, name))

    return Column(name, value_type(aggregate, kind), read)


def _value_of(aggregate: Any) -> Callable[[Any], Any]:
    if isinstance(aggregate, Ohlc | OhlcOf):
        return _prices
    return lambda state: value_of(aggregate, state)


def _prices(state: OhlcState) -> Prices:
    return Prices(*_PRICES(_traded(state)))


def _traded(state: OhlcState) -> OhlcState | Prices:
    # A window without trades, such as a retracted session, has infinite prices: no JSON.
    return _NO_PRICES if state.high < state.low else state


def _spread(aggregate: Any, name: str, where: str, *, alone: bool) -> list[Column]:
    if not isinstance(aggregate, Ohlc | OhlcOf):
        raise DefinitionError(f"{where}: {name} needs a name: ...={name}(...)")

    def column(field: str, kind: Any) -> Column:
        def read(result: WindowResult) -> Any:
            return getattr(_traded(result.state if alone else getattr(result.state, name)), field)

        return Column(field, kind, read)

    return [column(field, annotation_of(Prices, field)) for field in Prices.__struct_fields__]


def _record_type(table: str, source: Topic, columns: Sequence[Column], purpose: str) -> type[Any]:
    first = members(source.value)[0]
    fields = {
        **{name: annotation_of(first, name) for name in source.key_fields},
        **_BEFORE,
        **{column.name: column.kind for column in columns},
    }
    names = [*source.key_fields, *_BEFORE, *(column.name for column in columns), *_AFTER]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DefinitionError(
            f"table {table}: each result would have two fields {twice!r}: rename the key's field "
            "or the aggregate"
        )
    return defstruct(
        class_name(table),
        list({**fields, **_AFTER}.items()),
        namespace={"__doc__": purpose},
        frozen=True,
        gc=False,
    )


def _maker(
    kind: type[Any], source: Topic, columns: Sequence[Column]
) -> Callable[[WindowResult], Any]:
    reads = [column.read for column in columns]
    key_of = key_parser(source.value, source.key)

    def make(result: WindowResult) -> Any:
        window = result.window
        return kind(
            *key_of(result.key),
            result.start,
            result.end,
            window.size,
            window.advance,
            *[read(result) for read in reads],
            result.count,
            result.late,
            result.revision,
            result.final,
            max(result.start, min(result.end - 1, result.stream_time)),
        )

    return make
