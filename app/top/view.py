"""View of an application at one moment, computed from two scrapes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Self

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from app.market.records import Gainer


class Samples:
    """The samples of one scrape."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the Prometheus text format. Raises ValueError for anything else."""
        samples = cls()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples._by_name[sample.name].append((sample.labels, sample.value))
        return samples

    def of(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and value of each sample of a metric that has these labels."""
        for found, value in self._by_name.get(name, ()):
            if labels.items() <= found.items():
                yield found, value

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples; 0 where it has none."""
        return sum(value for _, value in self.of(name, **labels))

    def highest(self, name: str, **labels: str) -> float | None:
        """Return the highest of a metric's samples, or None."""
        return max((value for _, value in self.of(name, **labels)), default=None)

    def values(self, name: str, label: str) -> list[str]:
        """Return the values that a label of a metric has, sorted."""
        return sorted({labels[label] for labels, _ in self.of(name)})

    def info(self, name: str) -> dict[str, str]:
        """Return the labels of an info metric; {} if it is missing."""
        return next((labels for labels, _ in self.of(name)), {})


class WorkerView(msgspec.Struct, frozen=True):
    """One worker; all but its address and `answered` is null if it does not answer.

    `cpu` is the number of cores used, `memory` resident bytes, `lag` offsets not folded yet,
    `answered` the time of its last answer (ms since the epoch), null if it never answered.
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
    """One partition of a source: its worker, the next offset to fold, the offsets left."""

    topic: str
    partition: int
    worker: str
    position: int | None
    lag: int | None


class TableView(msgspec.Struct, frozen=True):
    """One table, over all workers that answer.

    Rates are per second, `event_time_lag` (s) is that of the slowest partition, `store` bytes on
    disk, `restoring` the progress (0 to 1) of the slowest restore, null if there is none.
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
    """An application at one moment; rates are means over the last `seconds`."""

    application: str
    seconds: float
    workers: list[WorkerView]
    partitions: list[PartitionView]
    tables: list[TableView]
    lag: int
    #: Number since the workers started, and per second.
    dead_letters: int
    dead_letter_rate: float
    #: Day of the ranking (null without one) and its top ten.
    day: str | None
    gainers: list[Gainer]


class Scrape(msgspec.Struct, frozen=True):
    """Samples of each worker by its address (None: no answer) at `moment` (s, monotonic)."""

    moment: float
    workers: Mapping[str, Samples | None]

    @property
    def answered(self) -> dict[str, Samples]:
        """Samples of the workers that answered."""
        return {url: samples for url, samples in self.workers.items() if samples is not None}

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the workers."""
        return sum(each.total(name, **labels) for each in self.answered.values())

    def highest(self, name: str, **labels: str) -> float | None:
        """Return the highest of a metric over the workers, or None."""
        found = (each.highest(name, **labels) for each in self.answered.values())
        return max((value for value in found if value is not None), default=None)


class ScrapeDelta(msgspec.Struct, frozen=True):
    """Two scrapes, and the growth of counters from one to the other."""

    before: Scrape
    after: Scrape

    @property
    def seconds(self) -> float:
        """The time between them (s)."""
        return max(self.after.moment - self.before.moment, 1e-3)

    def rate(self, name: str, **labels: str) -> float:
        """Return the growth of a counter (1/s) on the workers that answered both scrapes."""
        grown = 0.0
        for url, now in self.after.answered.items():
            then = self.before.answered.get(url)
            if then is not None:
                # The counter of a restarted worker begins at 0 again.
                grown += max(0.0, now.total(name, **labels) - then.total(name, **labels))
        return grown / self.seconds


def tables_of(delta: ScrapeDelta) -> list[TableView]:
    """Return the tables, sorted by name."""
    names = {
        name
        for samples in delta.after.answered.values()
        for name in samples.values("eventfold_records_total", "table")
    }
    return [_table(delta, name) for name in sorted(names)]


def _table(delta: ScrapeDelta, name: str) -> TableView:
    after = delta.after
    restoring = [
        value
        for samples in after.answered.values()
        for _, value in samples.of("eventfold_restore_progress_ratio", table=name)
    ]
    return TableView(
        table=name,
        records=delta.rate("eventfold_records_total", table=name),
        published=delta.rate("eventfold_published_total", table=name),
        late=int(after.total("eventfold_late_total", table=name)),
        late_rate=delta.rate("eventfold_late_total", table=name),
        event_time_lag=after.highest("eventfold_event_time_lag_seconds", table=name),
        store=int(after.total("eventfold_store_bytes", table=name)),
        restoring=min(restoring, default=None),
    )


def workers_of(delta: ScrapeDelta, answered: Mapping[str, int]) -> list[WorkerView]:
    """Return the workers, sorted by address, dead ones included.

    `answered` has the time (ms) of each worker's last answer; the others soon stop listing a dead
    worker.
    """
    urls = sorted(delta.after.workers.keys() | answered.keys())
    return [_worker(delta, url, answered.get(url)) for url in urls]


def _worker(delta: ScrapeDelta, url: str, answered: int | None) -> WorkerView:
    found = delta.after.workers.get(url)
    if found is None:
        return WorkerView(url, answers=False, answered=answered)
    then = delta.before.answered.get(url)
    used = "process_cpu_seconds_total"
    cpu = None if then is None else (found.total(used) - then.total(used)) / delta.seconds
    return WorkerView(
        url,
        answers=True,
        version=found.info("eventfold_build_info").get("version"),
        running=int(found.total("eventfold_tasks", state="running")),
        opening=int(found.total("eventfold_tasks", state="opening")),
        lag=int(found.total("eventfold_lag_records")),
        cpu=cpu,
        memory=int(found.total("process_resident_memory_bytes")),
        answered=answered,
    )


def partitions_of(scrape: Scrape) -> list[PartitionView]:
    """Return the partitions of all sources that have a task on a worker that answers."""
    views = []
    for url, found in scrape.answered.items():
        lags = _by_partition(found, "eventfold_lag_records")
        positions = _by_partition(found, "eventfold_position_offset")
        for topic, partition in lags.keys() | positions.keys():
            at = topic, partition
            views.append(PartitionView(topic, partition, url, positions.get(at), lags.get(at)))
    return sorted(views, key=lambda each: (each.topic, each.partition))


def _by_partition(found: Samples, name: str) -> dict[tuple[str, int], int]:
    return {
        (labels["topic"], int(labels["partition"])): int(value) for labels, value in found.of(name)
    }
