"""Keyed table: one state for each key, which a user's processor makes of the key's records.

It serves what is no window: patterns, joins, trends, timeouts. The processor may send records and
set a timer in event time (eventfold/operators/processor.py). The state is a row of the changelog,
and moves with the sent records and the offset in one transaction.

A join of several topics is folded from one topic: a `StatelessOperator` for each sends its records
there, by the join's key. So they have the order of one log, the same in each replay, and a crash
can't separate them.
"""

from collections.abc import Callable, Iterable
from typing import Any

from eventfold.engine.keyed_state import KeyedState
from eventfold.engine.store import Store
from eventfold.engine.table import Host, StateTable
from eventfold.operators.processor import Context, FunctionProcessor, Process
from eventfold.topics import Topic
from eventfold.windows import DefinitionError, format_duration, milliseconds


class KeyedTable(StateTable):
    """Keyed table: a state for each key, by the processor `process`.

    `state` is the type of a key's state (a msgspec Struct, or what MessagePack has a form for),
    `shared` the type of the values in broadcast state, which all keys of a partition see. `key`
    returns a record's key, or None for a record that concerns all keys; by default the key is the
    record's Kafka key. The processor may send records to `outputs`.

    A state expires when no timer is set and the watermark (stream time less the grace) is
    `retention` past the newest record of its key. All states of a partition are in memory:
    retention bounds them. `grace` is how far a record may be behind stream time and still
    precede the timers that are later than it.

    Records of the types in `reference_data`, such as rules or profiles, hold from their arrival,
    however old they are. They do not advance stream time and are never late, and their retention is
    counted from stream time at their arrival.

    Both are in ms, or text (`"1d"`).

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
        retention: int | str,
        help: str,
        key: Callable[[Any], str | None] | None = None,
        shared: Any = None,
        grace: int | str = 0,
        reference_data: tuple[type, ...] = (),
        version: int = 1,
    ) -> None:
        self.process = process
        self.state_type = state
        self.shared_type = shared
        self.key = key
        self.grace = milliseconds(grace)
        self.reference_data = reference_data
        self.version = version
        types = [each for each in (state, shared) if each is not None]
        names = [getattr(each, "__name__", str(each)) for each in types]
        super().__init__(
            app,
            name=name,
            source=source,
            record=lambda row: row,
            retention=milliseconds(retention),
            help=help,
            layout=f"{' and '.join(names)} {version}",
            definition={
                "grace": format_duration(self.grace),
                "retention": format_duration(milliseconds(retention)),
            },
            outputs=outputs,
        )

    def on_timer(self, function: Callable[[Any, Context], Any]) -> Callable[[Any, Context], Any]:
        """Set the function that gets a key's state when its timer fires, and returns the next one.

        Returns the function. Raises DefinitionError if the processor is a class.
        """
        if not isinstance(self.process, FunctionProcessor):
            raise DefinitionError(
                f"table {self.name}: its processor is a class: on_time is one of its methods"
            )
        if not callable(function):
            raise DefinitionError(f"table {self.name}: on_timer: {function!r} is no function")
        self.process.on_time = function
        return function

    def new_state(self, partition: int, store: Store, *, reports_decode_errors: bool) -> KeyedState:
        """Return the state of a partition, backed by its opened store."""
        return KeyedState(self, partition, store, reports_decode_errors=reports_decode_errors)

    def keyed_states(self) -> Iterable[KeyedState]:
        """Return the states of the partitions open on this worker."""
        return (state for state in self.open_states() if isinstance(state, KeyedState))

    def state_of(self, key: str) -> Any | None:
        """Return the state of a key; None if no partition open on this worker has it."""
        raw = key.encode()
        found = (state.state_of(raw) for state in self.keyed_states())
        return next((each for each in found if each is not None), None)
