"""How much one checkpoint publishes: what is due may be more than a transaction or memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventfold.engine.uncommitted import OVERHEAD, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventfold.engine.partition import Out, Row
    from eventfold.engine.uncommitted import Outgoing

    Outputs = Mapping[tuple[str, int], Sequence[Out]]

#: About so many records of results go into one checkpoint of a table, ...
RESULTS = 20_000

#: ... which take about so many bytes of memory: a second's work of a broker at the most, a tenth
#: of what a transaction may take.
BYTES = 12 << 20

#: What a record is reckoned with before any was made (bytes).
RESULT_BYTES = OVERHEAD + 400


class Portion:
    """Measures the records that were added to `outputs` since it was made."""

    def __init__(self, outgoing: Outgoing, outputs: Outputs) -> None:
        self._outgoing, self._outputs = outgoing, outputs
        self._begin = outgoing.measure(outputs), outgoing.records

    @property
    def is_full(self) -> bool:
        """Whether the next results wait for the next checkpoint."""
        size, results = self.measure()
        return results >= RESULTS or size >= BYTES

    def measure(self) -> tuple[int, int]:
        """Return bytes and number of the records."""
        size, results = self._begin
        return self._outgoing.measure(self._outputs) - size, self._outgoing.records - results


class Appraisal:
    """Estimates how many results fit into a portion before they are made."""

    def __init__(self) -> None:
        self._bytes = RESULT_BYTES

    def learn(self, portion: Portion) -> None:
        """Take in how large the results of a portion were."""
        size, results = portion.measure()
        if results:
            self._bytes = size // results

    def results(self, rows: Sequence[Row]) -> int:
        """Return how many results fit, if each is about as large as the last or as these rows."""
        each = max(self._bytes, size_of(rows) // max(len(rows), 1))
        return max(1, min(RESULTS, BYTES // each))
