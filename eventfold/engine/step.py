"""A step: what is made of each record by itself. Filters, maps, routes; nothing is kept.

    by_severity = Step(app, name="by-severity", source=LOGS, make=route, outputs=[...], help="...")

    @app.agent(app.batches(LOGS))
    async def route_logs(batches):
        async for batch in batches:
            await by_severity.fold(batch)

To repartition is such a step: it sends records whose key is another field, or another record
made of them, to a topic of their own. Event time is in the record, where it came from in the
`source` header, and both its offset and what was sent move in one transaction.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from eventfold.engine.decoded import Decoded
from eventfold.engine.partition import RecordError
from eventfold.engine.sending import SendingState, SendingTable
from eventfold.engine.table import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventfold.engine.batch import Batch
    from eventfold.engine.store import Store
    from eventfold.operators.processor import Sender
    from eventfold.topics import Topic


#: Least time between two batches whose keys are noted (s). A key takes 40 ns, a new one 400 ns,
#: and a filter folds a record in 430 ns: of more than ten batches a second not all are looked at.
CHECK_INTERVAL = 0.1

#: No batch.
_NOTHING = Decoded(0)


class StepState(SendingState):
    """One partition of a step: its position.

    What a record's function may ask of it is looked up when it asks: most records of a filter are
    dropped unasked.
    """

    table: Step

    def __init__(self, table: Step, partition: int, store: Store, *, leads: bool) -> None:
        super().__init__(table, partition, store, leads=leads)
        self._decoded = _NOTHING
        #: Where what is handled stands in the batch, and how many of it stream time reflects.
        self._at = self._timed = 0
        #: When keys are noted again (s, of the monotonic clock).
        self._next_check = 0.0

    # -- the context

    @property
    def offset(self) -> int:
        """Offset of what is handled."""
        return self._decoded.offsets[self._at]

    @property
    def time(self) -> int:
        """Its event time (ms)."""
        return self._decoded.times[self._at]

    @property
    def stream_time(self) -> int:
        """Highest event time so far (ms), that of what is handled included."""
        self._reach(self._at)
        return self.meta.stream_time

    def _reach(self, at: int) -> None:
        """Let stream time reflect the records up to this one."""
        if self._timed <= at:
            highest = max(self._decoded.times[self._timed : at + 1])
            self._timed = at + 1
            self.meta.stream_time = max(self.meta.stream_time, highest)

    # -- folding

    def fold(self, batch: Batch) -> None:
        """Fold a batch, and note its keys all at once: a step has no state that knows them."""
        super().fold(batch)
        now = self.clock.monotonic()
        if self.table.source.keyed and now >= self._next_check:
            self._next_check = now + CHECK_INTERVAL
            self.table.saw_all(batch.decoded.keys, self.partition)

    def _fold(self, decoded: Decoded, begin: int) -> None:
        make, said = self.table.make, self._said
        self._decoded, self._at, self._timed = decoded, begin, begin
        try:
            for at, record in enumerate(islice(decoded.records, begin, None), begin):
                self._at = at
                make(record, self)
                if said:
                    self._pass_on()
        except Exception as error:  # a user's function may raise anything
            said.clear()
            raise RecordError(self._at, error) from error
        finally:
            self._reach(self._at)
            # The batch is not to outlive its folding: its memory is the next one's.
            self._decoded = _NOTHING


class Step(SendingTable):
    """Makes of each record what `make` sends of it, exactly once; of what it drops nothing is left.

    `make` gets a record and a Sender (eventfold/operators/processor.py). What it raises makes the
    record a dead letter. All `outputs` have to be named. Its changelog holds how far it is,
    nothing else.
    """

    abstract = False

    def __init__(
        self,
        app: Host,
        *,
        name: str,
        source: Topic,
        make: Callable[[Any, Sender], None],
        outputs: Iterable[Topic],
        help: str,
    ) -> None:
        self.make = make
        super().__init__(app, name=name, source=source, outputs=outputs, help=help)

    @property
    def layout(self) -> str:
        """There are no rows."""
        return "step"

    def new_state(self, partition: int, store: Store, *, leads: bool) -> StepState:
        """Make the state of a partition over its opened store."""
        return StepState(self, partition, store, leads=leads)
