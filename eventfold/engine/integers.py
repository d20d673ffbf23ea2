"""Integers of record types: JSON allows any size, rows and columns have 64 bits."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

_pack = msgspec.msgpack.Encoder(enc_hook=lambda _: None).encode


def bounded(kind: Any, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `decode`, made to reject integers beyond 64 bits if the type `kind` does not.

    The decoder raises ValueError for such a record. Types that bound each integer
    (eventfold/records/fields.py) are checked while they are decoded, which costs nothing; records
    of other types are encoded once more.
    """
    if not _is_unbounded(inspect.type_info(kind), set()):
        return decode

    def read(value: Any) -> Any:
        record = decode(value)
        try:
            _pack(record)
        except OverflowError:
            raise ValueError("an integer has more than 64 bits") from None
        return record

    return read


def _is_unbounded(info: Any, seen: set[Any]) -> bool:
    """Return whether a value of a type may hold an integer of any size."""
    match info:
        case inspect.AnyType():
            return True
        case inspect.IntType():
            return (info.ge is info.gt is None) or (info.le is info.lt is None)
        case inspect.UnionType():
            inner = list(info.types)
        case inspect.DictType():
            inner = [info.key_type, info.value_type]
        case inspect.TupleType():
            inner = list(info.item_types)
        case inspect.CollectionType():
            inner = [info.item_type]
        case _ if fields := getattr(info, "fields", None):
            if info.cls in seen:
                return False
            seen.add(info.cls)
            inner = [field.type for field in fields]
        case _:
            return False
    return any(_is_unbounded(each, seen) for each in inner)
