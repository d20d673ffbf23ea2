"""Testbed of the measurements: a broker and the workers of one application.

with Testbed(partitions=6, windows="1m") as testbed:
    worker = testbed.worker()
    testbed.fill_rows(1_000_000)
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
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from bench.program import patient_node
from bench.ticks import fill_minutes
from eventfold.embedded import LocalBroker
from tests.progress import lag
from tests.workers import Worker

APPLICATION = "bench"

#: TICKSTREAM_GRACE, ms.
GRACE = 300_000

#: Symbols of a filled store: one row per symbol and minute.
SYMBOLS = 2_000

MINUTE = 60_000

#: Time-out (s) for a worker to fold a backlog.
CATCH_UP_TIMEOUT = 900.0


class Testbed:
    """Broker with the product's topics, and settings shared by all workers."""

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
        # Exit normally on SIGTERM, so that the broker and the workers are stopped.
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

    def __exit__(self, *_exc_info: object) -> None:
        self._ending.close()

    @property
    def bootstrap(self) -> str:
        """`host:port` of the broker."""
        return self.broker.bootstrap

    @property
    def partitions(self) -> range:
        """Partitions of `ticks`."""
        return range(self._partitions)

    def worker(self, **environment: object) -> Worker:
        """Return another worker, not started yet; at the end it is killed if it still runs."""
        settings = self.environment | {name: str(value) for name, value in environment.items()}
        worker = Worker(self.bootstrap, self.directory, APPLICATION, **settings)
        self._ending.callback(worker.kill)
        return worker

    def application(self, name: str, **environment: object) -> Worker:
        """Return a worker of another application, which folds all ticks into its own outputs."""
        return self.worker(
            TICKSTREAM_APP_ID=name, TICKSTREAM_TOPIC_PREFIX=f"{name}.", **environment
        )

    def wait_caught_up(
        self, worker: Worker, *, within: int = 0, timeout: float = CATCH_UP_TIMEOUT
    ) -> None:
        """Wait until all ticks but `within` are folded and committed.

        Raises TimeoutError; RuntimeError if the worker ends.
        """
        deadline = time.monotonic() + timeout
        while self._lag(worker.environment["TICKSTREAM_APP_ID"]) > within:
            if not worker.running:
                raise RuntimeError(f"the worker ended with {worker.exit_code}:\n{worker.tail()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"still behind after {timeout:.0f} s:\n{worker.tail()}")
            time.sleep(0.2)

    def fill_rows(self, rows: int) -> int:
        """Fill the table of candles with a temporary worker; return the event time reached (ms).

        One tick for each symbol and minute is one row, the most rows for an input. Event time
        ends now, so that no row expires with the next ticks.
        """
        minutes = max(1, rows // SYMBOLS)
        print(f"filling {minutes * SYMBOLS:,} rows ...", flush=True)
        start = int(time.time() * 1000) - (minutes + 1) * MINUTE
        reached = fill_minutes(
            self.bootstrap, "ticks", symbols=SYMBOLS, minutes=minutes, start=start
        )
        with self.worker() as worker:
            self.wait_caught_up(worker)
        shutil.rmtree(worker.data)
        return reached

    def configure(self, topic: str, **config: object) -> None:
        """Set a topic's configuration; names are Kafka's with `_` instead of `.`."""
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
        """Return the size of a topic on the broker's disk (bytes)."""
        logs = self.broker.data_dir / "kafka"
        return sum(size_of(logs / f"{topic}-{partition}") for partition in self.partitions)

    def _lag(self, application: str) -> float:
        try:
            return lag(self.bootstrap, application, "ticks")
        except KafkaException:  # a busy broker did not answer in time; try again
            return inf

    def _run(self, *command: str) -> None:
        faust = Path(sys.executable).with_name("faust")
        environment = os.environ | self.environment | {"BROKER_URL": self.bootstrap}
        subprocess.run(
            [faust, "-A", "app", *command], env=environment, check=True, stdout=subprocess.DEVNULL
        )


def size_of(directory: Path) -> int:
    """Return the total size of the files in a directory, which may change meanwhile (bytes)."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
