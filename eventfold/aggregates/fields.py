"""Values that aggregates read from a record: a field by its name, or a function of the record.

A value that a row could not store and return unchanged is rejected here, before it gets into any
state. None is a missing value: it is skipped, as SQL's aggregates skip NULL.
"""

from collections.abc import Callable, Iterable
from math import isfinite
from operator import attrgetter
from reprlib import repr as shortened
from typing import Any, Generic, TypeVar

from eventfold.windows.errors import DefinitionError

S = TypeVar("S")

#: An attribute's name (`price`, `order.price`), or a function of the record.
Field = str | Callable[[Any], Any]

#: The values that the readers of `plain` return, and that a row stores.
Plain = bool | int | float | str

#: Bounds of the integers that fit into a row.
LEAST, MOST = -(1 << 63), (1 << 63) - 1


class FieldAggregate(Generic[S]):
    """An aggregate of one field, in two steps: `look` reads a value and may raise, `put` folds it.

    So several aggregates can read a record before the first of them changes.
    """

    version = 1
    state: type[S]

    def __init__(
        self,
        field: Field,
        read: Callable[[Field], Callable[[Any], Any]],
        reads: Iterable[tuple[Field, bool]] | None = None,
    ) -> None:
        self.field = name_of(field)
        #: What it reads of a record, each with whether it has to be a number.
        self.reads = tuple([(field, read is numbers)] if reads is None else reads)
        #: Returns the value of a record that `put` folds; None if there is none.
        self.look = read(field)

    @property
    def layout(self) -> str:
        """Description of what the rows hold: class, field, version."""
        return f"{type(self).__name__}({self.field}) {self.version}"

    def __repr__(self) -> str:
        return self.layout

    def zero(self) -> S:
        """Return an empty state."""
        return self.state()

    def add(self, state: S, record: Any, time: int, offset: int) -> None:
        """Fold one record, of event time `time` (ms); unchanged if it raises what `look` raises."""
        seen = self.look(record)
        if seen is not None:
            self.put(state, seen, time, offset)

    def put(self, state: S, seen: Any, time: int, offset: int) -> None:
        """Fold a value that `look` returned into `state`; must not raise."""
        raise NotImplementedError


def name_of(field: Field) -> str:
    """Return the name of a field for messages and layouts; for a function, its own name."""
    # All lambdas share one name, so a table can't detect that its lambda was replaced.
    name: str = field if isinstance(field, str) else getattr(field, "__name__", "")
    return name or type(field).__name__


def getter(field: Field) -> Callable[[Any], Any]:
    """Return a function that reads `field` of a record. Raises DefinitionError for no field."""
    if isinstance(field, str) and all(part.isidentifier() for part in field.split(".")):
        return attrgetter(field)
    if callable(field):
        return field
    raise DefinitionError(f"{field!r} is neither the name of a field nor a function of a record")


def numbers(field: Field) -> Callable[[Any], float | None]:
    """Return a function that reads a number: an int of 64 bits or a finite float; None if missing.

    It raises TypeError for any other type, bool included, ValueError for NaN and infinities, and
    OverflowError for ints of more than 64 bits.
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
    """Return a function that reads a value which a row returns unchanged; None if it is missing.

    Such values are text, bools, and the numbers that `numbers` accepts. The function raises
    TypeError for any other type, ValueError for text that is not valid Unicode, and for numbers
    what `numbers` raises.
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
    # Convert subclasses of int and float, such as those of numpy and enum: a row can't store them.
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{name}: {value} is not finite")
        return float(value)
    if not LEAST <= value <= MOST:
        bits = value.bit_length()
        raise OverflowError(f"{name}: an int of {bits} bits, a row holds 63 and a sign")
    return int(value)


def text(name: str, value: str) -> str:
    """Return `value` as a plain str. Raises ValueError, naming the field, for invalid Unicode."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{name}: {shortened(value)} is no valid Unicode") from None
    return str.__str__(value)
