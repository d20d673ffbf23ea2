"""Count of records."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, getter


class CountState(Struct, array_like=True, gc=False):
    """Number of records."""

    count: int = 0


class Count(FieldAggregate[CountState]):
    """Number of records, or, with a field, of the records in which it is not None."""

    state = CountState

    def __init__(self, field: Field | None = None) -> None:
        if field is None:
            super().__init__(_any, getter, ())
            self.field = ""
        else:
            super().__init__(field, _present)

    def zero(self) -> CountState:
        """Return an empty state."""
        return CountState()

    def put(self, state: CountState, seen: bool, time: int, offset: int) -> None:  # noqa: ARG002
        """Count one record."""
        state.count += 1

    def merge(self, left: CountState, right: CountState) -> CountState:
        """Return a state with the sum of both counts."""
        return CountState(left.count + right.count)

    def value(self, state: CountState) -> int:
        """Return the number of records."""
        return state.count


def _any(_record: Any) -> bool:
    return True


def _present(field: Field) -> Callable[[Any], bool | None]:
    get = getter(field)
    return lambda record: None if get(record) is None else True
