"""Aggregates of a definition: which fields they read, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

from msgspec import inspect

from eventfold.aggregates import (
    Count,
    Distinct,
    First,
    Last,
    Max,
    Mean,
    Min,
    Ohlc,
    OhlcOf,
    Quantiles,
    Sum,
    TopK,
    Variance,
    Vwap,
)
from eventfold.aggregates.fields import Field, FieldAggregate, name_of
from eventfold.records.fields import Integer, Natural
from eventfold.records.shape import Record, annotation_of, fields_of, members
from eventfold.records.shape import name_of as type_name
from eventfold.windows.errors import DefinitionError

Number = Integer | float

#: Names of the functions that users call, where they are not those of the classes in small letters.
_NAMES: dict[type, str] = {TopK: "top_k", Quantiles: "quantile", OhlcOf: "ohlc"}

_REMEDY = "; use count, distinct, first or last, or a function that returns one"

_METHODS = ("state", "version", "zero", "add", "merge")


class Prices(Record):
    """Open, high, low, close, volume and volume-weighted average price of a window."""

    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: Number
    vwap: float | None


def demand_aggregate(aggregate: Any, kind: Any, where: str) -> None:
    """Raise DefinitionError unless `aggregate` is one, and its fields are in records of `kind`."""
    if isinstance(aggregate, type):
        raise DefinitionError(f"{where} is the class {aggregate.__name__}: call it")
    missing = [each for each in _METHODS if not hasattr(aggregate, each)]
    if missing:
        made = f" such as ef.max({aggregate!r})" if isinstance(aggregate, str) else ""
        raise DefinitionError(
            f"{where} is no aggregate{made}: {aggregate!r} has no {', '.join(missing)}"
        )
    reads = getattr(aggregate, "reads", ())
    if isinstance(aggregate, Ohlc):
        reads = (("price", True), ("size", True))
    for field, is_number in reads:
        if isinstance(field, str):
            _demand_field(
                field, kind, f"{where}{called(aggregate)}:", _REMEDY if is_number else None
            )


def demand_number(field: Any, kind: Any, where: str) -> None:
    """Raise DefinitionError unless `field` is the name of a number in records of `kind`."""
    if not isinstance(field, str):
        raise DefinitionError(f"{where} it is the name of a field")
    _demand_field(field, kind, where, "")


def called(aggregate: Any) -> str:
    """Return the name of the function that makes an aggregate."""
    kind = type(aggregate)
    return _NAMES.get(kind, kind.__name__.lower() if kind in _TYPES else kind.__name__)


def _demand_field(field: str, kind: Any, where: str, remedy: str | None) -> None:
    """Raise DefinitionError for an unknown field; with a `remedy`, for one that is no number."""
    for each in members(kind):
        holder, info = each, None
        for part in field.split("."):
            known = fields_of(holder)
            if part not in known:
                raise DefinitionError(
                    f"{where} {type_name(holder)} has no field {part!r}; its fields are "
                    f"{', '.join(known)}"
                )
            info = known[part]
            holder = getattr(info, "cls", None)
            if holder is None:
                break
        if remedy is not None and not _may_be_number(info):
            raise DefinitionError(f"{where} {type_name(each)}.{field} is no number{remedy}")


def _may_be_number(info: Any) -> bool:
    if isinstance(info, inspect.UnionType):
        return any(_may_be_number(each) for each in info.types)
    return isinstance(
        info, inspect.IntType | inspect.FloatType | inspect.AnyType | inspect.CustomType
    )


def value_type(aggregate: Any, kind: Any) -> Any:
    """Return the type of an aggregate's value over records of `kind`; Any if it is unknown."""
    known = _TYPES.get(type(aggregate))
    if known is not None:
        return known(aggregate, kind)
    value = getattr(aggregate, "value", None)
    try:
        return get_type_hints(value).get("return", Any) if value else Any
    except (TypeError, NameError):
        return Any


def _field_type(field: Field, kind: Any) -> Any:
    """Return the type of a field of a record, or that which a function is annotated to return."""
    if callable(field):
        try:
            return get_type_hints(field).get("return", Any)
        except (TypeError, NameError):
            return Any
    if "." in field or len(members(kind)) > 1:
        return Any
    return annotation_of(kind, field)


def _same(aggregate: FieldAggregate[Any], kind: Any) -> Any:
    found = _field_type(aggregate.reads[0][0], kind)
    return Any if found is Any else (Integer if found is int else found) | None


def _sum(aggregate: FieldAggregate[Any], kind: Any) -> Any:
    return Integer if _field_type(aggregate.reads[0][0], kind) is int else Number


def _ranked(aggregate: TopK, kind: Any) -> Any:
    (item, _), (by, _) = aggregate.reads
    found = _field_type(item, kind)
    return list[found] if item is by else list[tuple[found, Number]]  # type: ignore[valid-type]


def _quantiles(aggregate: Quantiles, _kind: Any) -> Any:
    return float | None if aggregate.is_single else list[float | None]


def _constant(kind: Any) -> Callable[[Any, Any], Any]:
    return lambda _aggregate, _kind: kind


_TYPES: dict[type, Callable[[Any, Any], Any]] = {
    Count: _constant(Natural),
    Distinct: _constant(Natural),
    First: _same,
    Last: _same,
    Max: _same,
    Min: _same,
    Mean: _constant(float | None),
    Variance: _constant(float | None),
    Vwap: _constant(float | None),
    Ohlc: _constant(Prices),
    OhlcOf: _constant(Prices),
    Quantiles: _quantiles,
    Sum: _sum,
    TopK: _ranked,
}

__all__ = ["Prices", "called", "demand_aggregate", "name_of", "value_type"]
