"""Approximate number of distinct values."""

from collections.abc import Callable
from importlib import import_module
from math import ceil, isfinite, log2
from reprlib import repr as shortened
from typing import Any

from eventfold.aggregates.fields import LEAST, MOST, Field, FieldAggregate, getter, name_of, text
from eventfold.extras import demand
from eventfold.windows.errors import DefinitionError

#: Stands for the empty text, which the sketch would ignore; the number is arbitrary.
_EMPTY = -0x2E17_93B0_5C4D_A681


class Distinct(FieldAggregate[Any]):
    """Approximate number of distinct values of a field, by a HyperLogLog sketch.

    Values are text, bytes or finite numbers; values that are equal in Python count once. `error` is
    the relative standard error, a fraction from 0.005 to 0.1: two of three results are nearer than
    that, and all but one of 300 nearer than three times that. For an error of 0.02, a state takes
    16 bytes of a row and 4 for each value. From 384 values on, up to which the count is exact, it
    takes 4 KB. Half the error takes four times as much.

    Raises DefinitionError for another `error`, or if the library is not installed.
    """

    def __init__(self, field: Field, error: float = 0.02) -> None:
        if type(error) is not float or not 0.005 <= error <= 0.1:
            raise DefinitionError(f"Distinct: the error is from 0.005 to 0.1, not {error!r}")
        demand("datasketches", "sketches", "Distinct", DefinitionError)
        self._sketches = import_module("eventfold.aggregates.hll")
        super().__init__(field, _values)
        self.state = self._sketches.DistinctState
        # The standard error is 1.04 / sqrt(registers), Flajolet et al., section 1.
        self._log_registers = ceil(2 * log2(1.04 / error))
        self.field = f"{name_of(field)}, {1 << self._log_registers} registers"

    def zero(self) -> Any:
        """Return an empty state."""
        return self.state(self._sketches.Hll.empty(self._log_registers))

    def put(self, state: Any, seen: str | float, time: int, offset: int) -> None:  # noqa: ARG002
        """Add a value to the sketch."""
        state.sketch.add(seen)

    def merge(self, left: Any, right: Any) -> Any:
        """Return a state with the values of both."""
        return self.state(left.sketch.union(right.sketch))

    def value(self, state: Any) -> int:
        """Return the estimate, rounded to a whole number."""
        return round(state.sketch.estimate())


def _values(field: Field) -> Callable[[Any], str | float | None]:
    get, name = getter(field), name_of(field)

    def read(record: Any) -> str | float | None:
        value = get(record)
        if value is None:
            return None
        if isinstance(value, str):
            return text(name, value) or _EMPTY
        if isinstance(value, float):
            if not isfinite(value):
                raise ValueError(f"{name}: {value} is not finite")
            return _whole(int(value)) if value.is_integer() else float(value)
        if isinstance(value, int):
            return _whole(value)
        if isinstance(value, bytes):
            return f"\0bytes {value.hex()}"
        raise TypeError(f"{name}: {shortened(value)} is no text, bytes or number")

    return read


def _whole(value: int) -> int | str:
    """Return an int as the sketch needs it: text above 64 bits, which it would read as a float."""
    return int(value) if LEAST <= value <= MOST else f"\0int {value:x}"
