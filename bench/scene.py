"""Setting of the measurements of failure and recovery: a broker, workers, one application.

with Scene(partitions=6, windows="1m") as scene:
    worker = scene.worker()
    scene.fill_rows(1_000_000)
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from bench.market import fill_minutes
from bench.running import patient_node
from eventfold.embedded import LocalBroker
from tests.progress import lag
from tests.workers import Worker

APPLICATION = "bench"

#: TICKSTREAM_GRACE, ms.
GRACE = 300_000

#: Symbols of a filled store: rows are these times minutes.
SYMBOLS = 2_000

MINUTE = 60_000

#: Seconds that a worker may take to fold what it finds.
CATCH_UP = 900.0


class Scene:
    """A broker with the product's topics, and settings that all workers on it share."""

    def __init__(self, *, partitions: int, windows: str = "1m", **environment: object) -> None:
        self._partitions = partitions
        self.environment = {
            "TOPIC_PARTITIONS": str(partitions),
            "TICKSTREAM_WINDOWS": windows,
            "TICKSTREAM_GRACE": f"{GRACE}ms",
            "TICKSTREAM_PIPELINES": "candles",
            **{name: str(value) for name, value in environment.items()},
        }
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        # Whoever ends a measurement ends its broker and workers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with ExitStack() as ending:
            temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            self.directory = Path(ending.enter_context(temporary))
            self.broker = ending.enter_context(
                LocalBroker(self.directory / "kafka", node=patient_node())
            )
            self._run("topics")
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.__exit__(kind, error, trace)

    @property
    def bootstrap(self) -> str:
        """`host:port` of the broker."""
        return self.broker.bootstrap

    @property
    def partitions(self) -> range:
        """The partitions of `ticks`."""
        return range(self._partitions)

    def worker(self, **environment: object) -> Worker:
        """Return another worker, not started yet; it is killed at the end if it still runs."""
        settings = self.environment | {name: str(value) for name, value in environment.items()}
        worker = Worker(self.bootstrap, self.directory, APPLICATION, **settings)
        self._ending.callback(worker.kill)
        return worker

    def application(self, name: str, **environment: object) -> Worker:
        """Return a worker of another application, which folds all ticks into its own outputs."""
        return self.worker(
            TICKSTREAM_APP_ID=name, TICKSTREAM_TOPIC_PREFIX=f"{name}.", **environment
        )

    def caught_up(self, worker: Worker, *, within: int = 0, timeout: float = CATCH_UP) -> None:
        """Wait until all ticks but `within` are folded and committed.

        Raises TimeoutError, and RuntimeError if the worker ends.
        """
        deadline = time.monotonic() + timeout
        while self._lag(worker.environment["TICKSTREAM_APP_ID"]) > within:
            if not worker.running:
                raise RuntimeError(f"the worker ended with {worker.exit_code}:\n{worker.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"still behind after {timeout:.0f} s:\n{worker.tail()}")
            time.sleep(0.2)

    def fill_rows(self, rows: int) -> int:
        """Fill the table of candles by a worker of its own; return the event time reached (ms).

        One tick for each symbol and minute is one row: nothing makes as many with less input.
        They end now: after what comes next, none of them has outlived its retention.
        """
        minutes = max(1, rows // SYMBOLS)
        print(f"filling {minutes * SYMBOLS:,} rows ...", flush=True)
        start = int(time.time() * 1000) - (minutes + 1) * MINUTE
        reached = fill_minutes(
            self.bootstrap, "ticks", symbols=SYMBOLS, minutes=minutes, start=start
        )
        with self.worker() as worker:
            self.caught_up(worker)
        shutil.rmtree(worker.data)
        return reached

    def configure(self, topic: str, **config: object) -> None:
        """Set a topic's configuration, Kafka's names with `_` for `.`."""
        resource = ConfigResource(
            ConfigResource.Type.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(
                    name.replace("_", "."),
                    str(value),
                    incremental_operation=AlterConfigOpType.SET,
                )
                for name, value in config.items()
            ],
        )
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(30)

    def topic_bytes(self, topic: str) -> int:
        """Return the bytes of a topic on the broker's disk."""
        logs = self.broker.data_dir / "kafka"
        return sum(size_of(logs / f"{topic}-{partition}") for partition in self.partitions)

    def _lag(self, application: str) -> float:
        try:
            return lag(self.bootstrap, application, "ticks")
        except KafkaException:  # a busy broker did not answer in time; it is asked again
            return inf

    def _run(self, *command: str) -> None:
        faust = Path(sys.executable).with_name("faust")
        environment = os.environ | self.environment | {"BROKER_URL": self.bootstrap}
        subprocess.run(
            [faust, "-A", "app", *command], env=environment, check=True, stdout=subprocess.DEVNULL
        )


def size_of(directory: Path) -> int:
    """Return the bytes of the files in a directory; files may come and go meanwhile."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
