"""Shape of a record type: its fields and their types, for msgspec Structs and dataclasses alike."""

from functools import lru_cache
from typing import Any, dataclass_transform, get_args, get_type_hints

from msgspec import Struct, field, inspect


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(Struct, frozen=True, gc=False):
    """Base of record types: immutable, and not tracked by the garbage collector, for speed.

        class Visit(Record):
            page: str
            time: int  # event time, ms

    A plain dataclass, or another msgspec Struct, serves as well.
    """


def members(kind: Any) -> tuple[Any, ...]:
    """Return the record types of a topic: the members of a union, or the type alone."""
    return get_args(kind) or (kind,)


@lru_cache(maxsize=1_000)
def inspected(kind: Any) -> inspect.StructType | inspect.DataclassType:
    """Return a record type as msgspec describes it.

    Raises TypeError for anything that is neither a Struct nor a dataclass.
    """
    try:
        info = inspect.type_info(kind)
    except (TypeError, NameError) as error:
        raise TypeError(str(error)) from None
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        raise TypeError(f"{name_of(kind)} is neither a Record nor a dataclass")
    return info


@lru_cache(maxsize=1_000)
def fields_of(kind: Any) -> dict[str, Any]:
    """Return the fields of a record type with their types as msgspec describes them.

    Raises TypeError for anything that is neither a Struct nor a dataclass.
    """
    return {field.name: field.type for field in inspected(kind).fields}


def annotation_of(kind: Any, name: str) -> Any:
    """Return the annotation of a field of a record type, without bounds and other metadata."""
    return get_type_hints(kind)[name]


def described(kind: Any) -> str:
    """Return the first line of a record type's docstring; empty without one."""
    text = (getattr(kind, "__doc__", None) or "").strip()
    # A dataclass without a docstring gets its signature as one.
    if not text or text.startswith(f"{name_of(kind)}("):
        return ""
    return str(text.splitlines()[0].rstrip("."))


def name_of(kind: Any) -> str:
    """Return the name of a type for messages."""
    return getattr(kind, "__name__", None) or str(kind)
