"""Reads from the stores of standbys, for queries while a partition's owner is gone.

They see what the owner had committed, except for the standby's lag.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from eventfold.engine.errors import OtherHistoryError, TaskError
from eventfold.engine.rows import UnreadableRowError

if TYPE_CHECKING:
    from eventfold.engine.partition import PartitionState
    from eventfold.engine.store import Store
    from eventfold.engine.table import StateTable

logger = logging.getLogger(__name__)


class _Read(NamedTuple):
    store: Store
    offset: int
    state: PartitionState


class StandbyReader:
    """Cache of the states of standbys' stores, each valid until its store has moved on."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Read] = {}

    def state(self, table: StateTable, partition: int, store: Store) -> PartitionState | None:
        """Return the state of a partition; None if its rows can't be read.

        Read it before the next `await`: then a task may have taken the store over. Raises
        StoreError.
        """
        place, offset = (table.name, partition), store.offset
        kept = self._kept.get(place)
        if kept is not None and kept.store is store and kept.offset == offset:
            return kept.state
        state = table.new_state(partition, store, reports_decode_errors=False)
        try:
            state.load()
        except (OtherHistoryError, TaskError, UnreadableRowError) as error:
            # If a task opens this store, the task decides what the error means.
            logger.warning("The standby of %s-%d can't be read: %s", table.name, partition, error)
            return None
        self._kept[place] = _Read(store, offset, state)
        return state

    def forget(self, table: str, partition: int) -> None:
        """Drop the cached state of a store that is closed or has changed."""
        self._kept.pop((table, partition), None)
