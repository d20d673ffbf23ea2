"""Limits of one publication: due results may exceed what a transaction or memory can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventfold.engine.uncommitted import OVERHEAD, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventfold.engine.outputs import Out
    from eventfold.engine.rows import Row
    from eventfold.engine.uncommitted import Outgoing

    Outputs = Mapping[tuple[str, int], Sequence[Out]]

#: Approximate maximum of result records in one checkpoint of a table, ...
RESULTS = 20_000

#: ... and of their memory in bytes: at most a second's work of a broker, and a tenth of what a
#: transaction may take.
BYTES = 12 << 20

#: Assumed memory of a record (bytes) before any was made.
RESULT_BYTES = OVERHEAD + 400


class Portion:
    """Size of the records that were added to `outputs` since the portion was made."""

    def __init__(self, outgoing: Outgoing, outputs: Outputs) -> None:
        self._outgoing, self._outputs = outgoing, outputs
        self._begin = outgoing.measure(outputs), outgoing.records

    @property
    def is_full(self) -> bool:
        """Whether the next results have to wait for the next checkpoint."""
        size, results = self.measure()
        return results >= RESULTS or size >= BYTES

    def measure(self) -> tuple[int, int]:
        """Return the memory (bytes) and the number of the records."""
        size, results = self._begin
        return self._outgoing.measure(self._outputs) - size, self._outgoing.records - results


class Appraisal:
    """Estimate of how many results fit into a portion, before they are made."""

    def __init__(self) -> None:
        self._bytes = RESULT_BYTES

    def learn(self, portion: Portion) -> None:
        """Update the estimate with the mean size of a portion's results."""
        size, results = portion.measure()
        if results:
            self._bytes = size // results

    def results(self, rows: Sequence[Row]) -> int:
        """Return how many results fit, if each is as large as the last ones or as these rows."""
        each = max(self._bytes, size_of(rows) // max(len(rows), 1))
        return max(1, min(RESULTS, BYTES // each))
