"""A table of one state for each key, which a function of one's own makes of the key's records.

For whatever is no window: patterns, joins, trends, timeouts. The function may send records and
ask to be called at a moment of event time (eventfold/operators/processor.py); its state is a row of
the changelog, and all of it moves in one transaction with the offset.

What joins several topics is folded from one: a `Step` each sends them there, by the join's key.
So their order is that of one log, the same in each replay, and a crash can't tear them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventfold.engine.keyed_state import KeyedState
from eventfold.engine.sending import SendingTable
from eventfold.engine.table import Host
from eventfold.windows import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventfold.engine.definitions import Definition
    from eventfold.engine.store import Store
    from eventfold.operators.processor import Process
    from eventfold.topics import Topic


class KeyedTable(SendingTable):
    """The state of each key, by a Process.

    `state` is the type of a key's state (a msgspec Struct, or what MessagePack has a form for),
    `shared` that of what all keys of a partition share. `key` gives a record's key, None where
    it concerns all of them; without it the record's Kafka key is meant.

    A state is forgotten when no record came for `retention` (ms of stream time) and no moment is
    awaited. All states of a partition are in memory: retention bounds them. `grace` (ms) is how
    far records may be behind stream time and still come before the moments they precede.

    Records of the types in `timeless` are no events but what holds from now on, such as rules or
    profiles, however old they are: they move no clock and are never late, and their retention is
    counted from stream time at their arrival.

    Raise `version` whenever the shape of `state` or `shared` changes.
    """

    abstract = False

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        process: Process,
        state: Any,
        outputs: Iterable[Topic],
        retention: int,
        help: str,
        key: Callable[[Any], str | None] | None = None,
        shared: Any = None,
        grace: int = 0,
        timeless: tuple[type, ...] = (),
        version: int = 1,
    ) -> None:
        self.process = process
        self.state_type = state
        self.shared_type = shared
        self.key = key
        self.grace = grace
        self.timeless = timeless
        self.version = version
        super().__init__(
            app, name=name, source=source, outputs=outputs, retention=retention, help=help
        )

    @property
    def layout(self) -> str:
        """The types of its rows and their version."""
        types = [self.state_type, self.shared_type]
        names = [getattr(each, "__name__", str(each)) for each in types if each is not None]
        return f"{' and '.join(names)} {self.version}"

    @property
    def definition(self) -> Definition:
        """Grace and retention."""
        return {
            "grace": format_duration(self.grace),
            "retention": format_duration(self.retention),
        }

    def new_state(self, partition: int, store: Store, *, leads: bool) -> KeyedState:
        """Make the state of a partition over its opened store."""
        return KeyedState(self, partition, store, leads=leads)

    def keyed_states(self) -> Iterable[KeyedState]:
        """Give the partitions open here."""
        return (state for state in self.open_states() if isinstance(state, KeyedState))

    def state_of(self, key: str) -> Any | None:
        """Give the state of a key, None for one that is not known here."""
        raw = key.encode()
        found = (state.state_of(raw) for state in self.keyed_states())
        return next((each for each in found if each is not None), None)
