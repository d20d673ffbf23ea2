"""A stream-table join: each record of a stream with the latest record of its key in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventfold.operators.processor import Context


class Lookup:
    """Processor whose state is the latest right record of a key; left records are joined with it.

    Both are wrapped, by types that tell the sides apart: the record is in `record`. `join` returns
    the record to send for a left record and the right one, or None; without a right record it is
    called only if `keeps_unmatched`.
    """

    def __init__(
        self, left: type, right: type, join: Callable[[Any, Any], Any], keeps_unmatched: bool
    ) -> None:
        self._right = right
        self._left = left
        self._join = join
        self._keeps_unmatched = keeps_unmatched

    def on_record(self, state: Any | None, side: Any, context: Context) -> Any | None:
        """Keep a right record; send what is made of a left one."""
        if isinstance(side, self._right):
            return side
        if state is not None or self._keeps_unmatched:
            made = self._join(side.record, None if state is None else state.record)
            if made is not None:
                context.send(made)
        return state

    def on_time(self, state: Any, context: Context) -> Any:
        """Return the state: no timer is set."""
        del context
        return state

    def on_shared(self, record: Any, context: Context) -> None:
        """Raise TypeError: each record has a key."""
        raise TypeError(f"a lookup has no use for {type(record).__name__}, {context.key!r}")
