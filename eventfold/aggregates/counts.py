"""How many."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from eventfold.aggregates.fields import Field, FieldAggregate, getter


class CountState(Struct, array_like=True, gc=False):
    """A number of records."""

    count: int = 0


class Count(FieldAggregate[CountState]):
    """How many records; with a field, how many that have it: those where it is not None."""

    state = CountState

    def __init__(self, field: Field | None = None) -> None:
        if field is None:
            super().__init__(_any, getter)
            self.field = ""
        else:
            super().__init__(field, _present)

    def zero(self) -> CountState:
        """Give the state of no records."""
        return CountState()

    def put(self, state: CountState, seen: bool, time: int, offset: int) -> None:  # noqa: ARG002
        """Count one."""
        state.count += 1

    def merge(self, left: CountState, right: CountState) -> CountState:
        """Give the count of both."""
        return CountState(left.count + right.count)

    def value(self, state: CountState) -> int:
        """Give the number of records."""
        return state.count


def _any(_record: Any) -> bool:
    return True


def _present(field: Field) -> Callable[[Any], bool | None]:
    get = getter(field)
    return lambda record: None if get(record) is None else True
