"""What is shown of an application at one moment, and how it is made of two scrapes."""

from collections.abc import Mapping

import msgspec

from app.market.records import Gainer
from app.top.samples import Samples


class WorkerView(msgspec.Struct, frozen=True):
    """One worker; all but its address is null where it does not answer from here.

    `cpu` are cores used, `memory` resident bytes, `lag` offsets that it has not folded yet.
    `answered` is when it last answered (ms since the epoch), null where it never did.
    """

    url: str
    answers: bool
    version: str | None = None
    running: int | None = None
    opening: int | None = None
    lag: int | None = None
    cpu: float | None = None
    memory: int | None = None
    answered: int | None = None


class PartitionView(msgspec.Struct, frozen=True):
    """One partition of a source: its worker, the next offset to fold, how many are left."""

    topic: str
    partition: int
    worker: str
    position: int | None
    lag: int | None


class TableView(msgspec.Struct, frozen=True):
    """One table, over all workers that answer.

    Rates are a second's, `event_time_lag` (s) that of its slowest partition, `store` bytes on disk,
    `restoring` the share (0 to 1) of its slowest restore that is done, null where none goes on.
    """

    table: str
    records: float
    published: float
    late: int
    late_rate: float
    event_time_lag: float | None
    store: int
    restoring: float | None


class View(msgspec.Struct, frozen=True):
    """An application at one moment; `seconds` is what rates are means over."""

    application: str
    seconds: float
    workers: list[WorkerView]
    partitions: list[PartitionView]
    tables: list[TableView]
    lag: int
    #: Since the workers started; and a second's.
    dead_letters: int
    dead_letter_rate: float
    #: The ranking's day and its best; null where none is made.
    day: str | None
    gainers: list[Gainer]


class Scrape(msgspec.Struct, frozen=True):
    """What each worker said, by its address (None: nothing), at `moment` (s, monotonic)."""

    moment: float
    workers: Mapping[str, Samples | None]

    @property
    def answered(self) -> dict[str, Samples]:
        """Those that said something."""
        return {url: samples for url, samples in self.workers.items() if samples is not None}

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the workers."""
        return sum(each.total(name, **labels) for each in self.answered.values())

    def highest(self, name: str, **labels: str) -> float | None:
        """Return the highest of a metric over the workers, or None."""
        found = (each.highest(name, **labels) for each in self.answered.values())
        return max((value for value in found if value is not None), default=None)


class Between(msgspec.Struct, frozen=True):
    """Two scrapes, and what grew from one to the other."""

    before: Scrape
    after: Scrape

    @property
    def seconds(self) -> float:
        """The time between them (s)."""
        return max(self.after.moment - self.before.moment, 1e-3)

    def rate(self, name: str, **labels: str) -> float:
        """Return how fast a counter grew (1/s), on the workers that answered both times."""
        grown = 0.0
        for url, now in self.after.answered.items():
            then = self.before.answered.get(url)
            if then is not None:
                # One that restarted begins at 0 again.
                grown += max(0.0, now.total(name, **labels) - then.total(name, **labels))
        return grown / self.seconds


def tables_of(two: Between) -> list[TableView]:
    """Return the tables, in the order of their names."""
    names = {
        name
        for samples in two.after.answered.values()
        for name in samples.values("tickstream_records_total", "table")
    }
    return [_table(two, name) for name in sorted(names)]


def _table(two: Between, name: str) -> TableView:
    after = two.after
    restoring = [
        value
        for samples in after.answered.values()
        for _, value in samples.of("tickstream_restore_progress_ratio", table=name)
    ]
    return TableView(
        table=name,
        records=two.rate("tickstream_records_total", table=name),
        published=two.rate("tickstream_published_total", table=name),
        late=int(after.total("tickstream_late_total", table=name)),
        late_rate=two.rate("tickstream_late_total", table=name),
        event_time_lag=after.highest("tickstream_event_time_lag_seconds", table=name),
        store=int(after.total("tickstream_store_bytes", table=name)),
        restoring=min(restoring, default=None),
    )


def workers_of(two: Between, answered: Mapping[str, int]) -> list[WorkerView]:
    """Return the workers, in the order of their addresses, those that are gone among them.

    `answered` is when each of them last answered (ms): one that is dead is soon named by none.
    """
    urls = sorted(two.after.workers.keys() | answered.keys())
    return [_worker(two, url, answered.get(url)) for url in urls]


def _worker(two: Between, url: str, answered: int | None) -> WorkerView:
    found = two.after.workers.get(url)
    if found is None:
        return WorkerView(url, answers=False, answered=answered)
    then = two.before.answered.get(url)
    used = "process_cpu_seconds_total"
    cpu = None if then is None else (found.total(used) - then.total(used)) / two.seconds
    return WorkerView(
        url,
        answers=True,
        version=found.info("tickstream_build_info").get("version"),
        running=int(found.total("tickstream_tasks", state="running")),
        opening=int(found.total("tickstream_tasks", state="opening")),
        lag=int(found.total("tickstream_lag_records")),
        cpu=cpu,
        memory=int(found.total("process_resident_memory_bytes")),
        answered=answered,
    )


def partitions_of(scrape: Scrape) -> list[PartitionView]:
    """Return the partitions of all sources that have a task on a worker that answers."""
    views = []
    for url, found in scrape.answered.items():
        lags = _by_partition(found, "tickstream_lag_records")
        positions = _by_partition(found, "tickstream_position_offset")
        for topic, partition in lags.keys() | positions.keys():
            at = topic, partition
            views.append(PartitionView(topic, partition, url, positions.get(at), lags.get(at)))
    return sorted(views, key=lambda each: (each.topic, each.partition))


def _by_partition(found: Samples, name: str) -> dict[tuple[str, int], int]:
    return {
        (labels["topic"], int(labels["partition"])): int(value) for labels, value in found.of(name)
    }
