"""What aggregates read of a record: a field by its name, or what a function makes of the record.

What a row could not give back as it was is refused here, before it gets into any state. None is a
missing value: it is skipped, as SQL's aggregates skip NULL.
"""

from collections.abc import Callable
from math import isfinite
from operator import attrgetter
from reprlib import repr as shortened
from typing import Any, Generic, TypeVar

from eventfold.windows.errors import DefinitionError

S = TypeVar("S")

#: An attribute's name (`price`, `order.price`), or a function of the record.
Field = str | Callable[[Any], Any]

#: What `plain` gives, as it stands in a row.
Plain = bool | int | float | str

#: The integers that fit into a row.
LEAST, MOST = -(1 << 63), (1 << 63) - 1


class FieldAggregate(Generic[S]):
    """An aggregate of one field, in two steps: to look, which may raise, and to put, which can't.

    So several aggregates can look at a record before the first of them changes.
    """

    version = 1

    def __init__(self, field: Field, read: Callable[[Field], Callable[[Any], Any]]) -> None:
        self.field = name_of(field)
        #: Gives what is to be put of a record, None for nothing.
        self.look = read(field)

    @property
    def layout(self) -> str:
        """What the rows hold: class, field, version."""
        return f"{type(self).__name__}({self.field}) {self.version}"

    def __repr__(self) -> str:
        return self.layout

    def add(self, state: S, record: Any, time: int, offset: int) -> None:
        """Fold one record into `state`; raises before it changes."""
        seen = self.look(record)
        if seen is not None:
            self.put(state, seen, time, offset)

    def put(self, state: S, seen: Any, time: int, offset: int) -> None:
        """Fold what `look` has given of a record into `state`; does not raise."""
        raise NotImplementedError


def name_of(field: Field) -> str:
    """Give what a field is called in messages and layouts: of a function, its name.

    Two lambdas have the same one, so a table can't tell that its own was exchanged.
    """
    name: str = field if isinstance(field, str) else getattr(field, "__name__", "")
    return name or type(field).__name__


def getter(field: Field) -> Callable[[Any], Any]:
    """Give what reads `field` of a record. Raises DefinitionError where it is none."""
    if isinstance(field, str) and all(part.isidentifier() for part in field.split(".")):
        return attrgetter(field)
    if callable(field):
        return field
    raise DefinitionError(f"{field!r} is neither the name of a field nor a function of a record")


def numbers(field: Field) -> Callable[[Any], float | None]:
    """Give what reads a number, an int of 64 bits or a finite float; None if it is missing.

    It raises TypeError for what is no number, a bool among it, ValueError for NaN and infinities,
    OverflowError for greater ints.
    """
    get, name = getter(field), name_of(field)

    def read(record: Any) -> float | None:
        value = get(record)
        kind = type(value)
        if kind is float:
            if isfinite(value):
                return value
        elif kind is int:
            if LEAST <= value <= MOST:
                return value
        elif value is None:
            return None
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name}: {shortened(value)} is no number")
        return _number(name, value)

    return read


def plain(field: Field) -> Callable[[Any], Plain | None]:
    """Give what reads a value that a row gives back as it was; None if it is missing.

    That is text, bools, and what `numbers` takes. It raises TypeError for anything else.
    """
    get, name = getter(field), name_of(field)

    def read(record: Any) -> Plain | None:
        value = get(record)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return _number(name, value)
        if isinstance(value, str):
            return text(name, value)
        raise TypeError(f"{name}: {shortened(value)} is no number, text or bool")

    return read


def _number(name: str, value: float) -> float:
    # Of its subclasses, such as those of numpy and enum, rows know nothing.
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{name}: {value} is not finite")
        return float(value)
    if not LEAST <= value <= MOST:
        bits = value.bit_length()
        raise OverflowError(f"{name}: an int of {bits} bits, a row holds 63 and a sign")
    return int(value)


def text(name: str, value: str) -> str:
    """Give `value` if it can be written. Raises ValueError, with the field's `name`, if not."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{name}: {shortened(value)} is no valid Unicode") from None
    return str.__str__(value)
