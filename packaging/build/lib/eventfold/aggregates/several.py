"""A combination of several aggregates in one table."""

from keyword import iskeyword
from operator import attrgetter
from typing import Any

from msgspec import defstruct

from eventfold.aggregates.fields import FieldAggregate
from eventfold.aggregates.protocol import Aggregate, layout_of, value_of
from eventfold.windows.errors import DefinitionError

_NEEDED = ("state", "version", "zero", "add", "merge")


class Several:
    """Several aggregates of the same records, by name.

    The value is a dict of their values; the state has the state of each as an attribute of its
    name. A record that one of them rejects is in none. Raises DefinitionError if there are none,
    if a name can't be that of an attribute, or if an argument is not an aggregate.

    >>> from types import SimpleNamespace
    >>> from eventfold.aggregates import Count, Mean
    >>> both = Several(price=Mean("price"), trades=Count())
    >>> state = both.zero()
    >>> both.add(state, SimpleNamespace(price=2.5), time=0, offset=0)
    >>> both.value(state)
    {'price': 2.5, 'trades': 1}
    """

    version = 1

    def __init__(self, /, **aggregates: Aggregate[Any, Any]) -> None:
        if not aggregates:
            raise DefinitionError("Several: at least one aggregate, by name, is needed")
        for name, aggregate in aggregates.items():
            _check(name, aggregate)
        self._aggregates = aggregates
        fields = [(name, aggregate.state) for name, aggregate in aggregates.items()]
        self.state: type[Any] = defstruct("SeveralState", fields, array_like=True, gc=False)
        ours = {n: a for n, a in aggregates.items() if isinstance(a, FieldAggregate)}
        self._looks = [aggregate.look for aggregate in ours.values()]
        self._puts = list(enumerate(aggregate.put for aggregate in ours.values()))
        # The extra name makes `attrgetter` return a tuple even for a single aggregate.
        self._parts_of = attrgetter(*ours, "__class__")
        self._others = {n: a for n, a in aggregates.items() if n not in ours}

    @property
    def layout(self) -> str:
        """Description of what the rows hold: the name and layout of each."""
        parts = (f"{name}={layout_of(each)}" for name, each in self._aggregates.items())
        return f"Several({', '.join(parts)})"

    def __repr__(self) -> str:
        return self.layout

    def zero(self) -> Any:
        """Return an empty state."""
        return self.state(*(each.zero() for each in self._aggregates.values()))

    def add(self, state: Any, record: Any, time: int, offset: int) -> None:
        """Fold one record into all aggregates; if one raises, none has changed."""
        seen = [look(record) for look in self._looks]
        merged = self._merged(state, record, time, offset) if self._others else {}
        parts = self._parts_of(state)
        for index, put in self._puts:
            if seen[index] is not None:
                put(parts[index], seen[index], time, offset)
        for name, new in merged.items():
            setattr(state, name, new)

    def _merged(self, state: Any, record: Any, time: int, offset: int) -> dict[str, Any]:
        # The `add` of these may raise, so it folds into an empty state, which is merged later.
        merged = {}
        for name, each in self._others.items():
            alone = each.zero()
            each.add(alone, record, time, offset)
            merged[name] = each.merge(getattr(state, name), alone)
        return merged

    def merge(self, left: Any, right: Any) -> Any:
        """Return a state with the records of both."""
        return self.state(
            *(
                each.merge(getattr(left, name), getattr(right, name))
                for name, each in self._aggregates.items()
            )
        )

    def value(self, state: Any) -> dict[str, Any]:
        """Return the value of each aggregate by its name."""
        return {
            name: value_of(each, getattr(state, name)) for name, each in self._aggregates.items()
        }


def _check(name: str, aggregate: Any) -> None:
    if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
        raise DefinitionError(f"Several: {name!r} can't be the name of an attribute")
    if isinstance(aggregate, type):
        raise DefinitionError(f"Several: {name} is a class, {aggregate.__name__}: call it")
    missing = [each for each in _NEEDED if not hasattr(aggregate, each)]
    if missing:
        raise DefinitionError(f"Several: {name} is no aggregate: it has no {', '.join(missing)}")
