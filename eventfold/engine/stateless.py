"""Stateless operators: filter, map or route each record by itself.

    by_severity = StatelessOperator(
        app, name="by-severity", source=LOGS, make=route, outputs=[...], help="..."
    )

    @app.agent(app.batches(LOGS))
    async def route_logs(batches):
        async for batch in batches:
            await by_severity.fold(batch)

A repartition is such an operator: it sends records with another field as key, or records made of
them, to a topic of their own. The event time is in the record, its origin in the header `source`,
and its offset and the records sent are committed in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from eventfold.engine.batch import Batch
from eventfold.engine.decoded import Decoded
from eventfold.engine.partition import PartitionState, RecordError
from eventfold.engine.sending import Collector
from eventfold.engine.store import Store
from eventfold.engine.table import Host, StateTable
from eventfold.operators.processor import Sender
from eventfold.topics import Topic

#: Least time between two batches whose keys are noted (s). A key takes 40 ns, a new one 400 ns, and
#: a filter folds a record in 430 ns: with more than ten batches a second not all are noted.
CHECK_INTERVAL = 0.1

#: Placeholder for no batch.
_NOTHING = Decoded(0)


class StatelessState(PartitionState):
    """Position of a `StatelessOperator` in one partition.

    It computes the context of a record only on demand: most records of a filter are dropped without
    asking for it.
    """

    table: StatelessOperator

    def __init__(
        self, table: StatelessOperator, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> None:
        super().__init__(table, partition, store, reports_decode_errors=reports_decode_errors)
        self._collector = Collector(table.routes, self.outputs)
        self.send = self._collector.send
        self._decoded = _NOTHING
        #: Index of the record that is handled, and number of records that stream time reflects.
        self._at = self._timed = 0
        #: When keys are noted again (s, of the monotonic clock).
        self._next_check = 0.0

    # -- the context

    @property
    def offset(self) -> int:
        """Offset of the record that is handled."""
        return self._decoded.offsets[self._at]

    @property
    def time(self) -> int:
        """Event time of the record that is handled (ms)."""
        return self._decoded.times[self._at]

    @property
    def stream_time(self) -> int:
        """Highest event time so far (ms), including the record that is handled."""
        self._reach(self._at)
        return self.meta.stream_time

    def _reach(self, at: int) -> None:
        """Advance stream time over the records up to this one."""
        if self._timed <= at:
            highest = max(self._decoded.times[self._timed : at + 1])
            self._timed = at + 1
            self.meta.stream_time = max(self.meta.stream_time, highest)

    # -- folding

    def fold(self, batch: Batch) -> None:
        """Fold a batch, and note its keys all at once: there is no keyed state that notes them."""
        super().fold(batch)
        now = self.clock.monotonic()
        if self.table.source.keyed and now >= self._next_check:
            self._next_check = now + CHECK_INTERVAL
            self.table.saw_all(batch.decoded.keys, self.partition)

    def _fold(self, decoded: Decoded, begin: int) -> None:
        make, collector = self.table.make, self._collector
        sent = collector.sent
        self._decoded, self._at, self._timed = decoded, begin, begin
        try:
            for at, record in enumerate(islice(decoded.records, begin, None), begin):
                self._at = at
                make(record, self)
                if sent:
                    collector.offset = decoded.offsets[at]
                    collector.write()
        except Exception as error:  # a user's function may raise anything
            sent.clear()
            raise RecordError(self._at, error) from error
        finally:
            self._reach(self._at)
            # Release the batch, so that the next one can use its memory.
            self._decoded = _NOTHING


class StatelessOperator(StateTable):
    """Stateless operator: for each record, the records that `make` sends, exactly once.

    `make` gets a record and a `Sender` (eventfold/operators/processor.py). A record for which it
    raises becomes a dead letter; a record for which it sends nothing is dropped. `outputs` names
    every topic it may send to. The changelog holds only the position.
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
        super().__init__(
            app,
            name=name,
            source=source,
            record=lambda row: row,
            retention=0,
            help=help,
            layout="step",
            definition={},
            outputs=outputs,
        )

    def new_state(
        self, partition: int, store: Store, *, reports_decode_errors: bool
    ) -> StatelessState:
        """Create the state of a partition over its opened store."""
        return StatelessState(self, partition, store, reports_decode_errors=reports_decode_errors)
