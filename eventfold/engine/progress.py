"""Progress of the restore of a partition, for the log, `/readyz` and the metrics."""

from time import perf_counter

from eventfold.engine import metrics


class Progress:
    """Progress of one restore, in changelog offsets, since gaps lie between the rows."""

    def __init__(self, table: str, partition: int) -> None:
        self.table = table
        self.partition = partition
        self.begin = self.position = self.end = 0
        #: Rows read.
        self.rows = 0
        self._begun = perf_counter()

    def start(self, begin: int, end: int) -> None:
        """Begin to read the offsets [begin, end)."""
        self.begin = self.position = begin
        self.end = end
        self._begun = perf_counter()

    def reach(self, position: int, rows: int) -> None:
        """Record that `rows` more rows were read, up to `position`."""
        self.position = min(position, self.end)
        self.rows += rows
        metrics.restored_rows.labels(*self._labels).inc(rows)

    def finish(self) -> None:
        """Record the duration of the restore in the metrics, whether it succeeded or not."""
        metrics.restore_seconds.labels(*self._labels).set(self.seconds)

    @property
    def seconds(self) -> float:
        """Time since the start (s)."""
        return perf_counter() - self._begun

    @property
    def percent(self) -> float:
        """Part of the offsets that has been read (percent, 0 to 100)."""
        return 100 * (self.position - self.begin) / max(1, self.end - self.begin)

    @property
    def rows_per_second(self) -> float:
        """Rows read per second since the start."""
        return self.rows / max(self.seconds, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left (s) at the speed so far; None before anything was read."""
        read = self.position - self.begin
        return (self.end - self.position) * self.seconds / read if read else None

    def __str__(self) -> str:
        left = self.seconds_left
        ends = "" if left is None else f", {left:.0f} s left"
        return (
            f"{self.table}-{self.partition}: {self.rows:,} rows, {self.percent:.0f} %, "
            f"{self.rows_per_second:,.0f} rows/s{ends}"
        )

    @property
    def _labels(self) -> tuple[str, str]:
        return self.table, str(self.partition)
