"""Real workers on a real broker: `faust -A app worker` as a user runs it, and ticks for it.

    with market.worker() as worker:
        market.send(tick("ACME", 10.5, time) for time in times)
        until(lambda: worker.get("/api/candles/ACME?size=1m")[0] == 200)

`market` is a fixture (tests/conftest.py): a broker for one test module, with clean topics.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from app.settings import Settings
from eventfold.embedded import ports
from eventfold.topics import Topic

REPOSITORY = Path(__file__).parents[1]
MINUTE = 60_000
DAY = 86_400_000

#: Seconds between two checks of a condition. Half of it would cost a worker and its test 6 % of a
#: processor for each condition that is waited for.
POLL = 0.1
#: Seconds a worker may take to be ready on a busy machine (4 on a quiet one), and to stop.
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0

T = TypeVar("T")

#: Key, value, event time (ms).
Record = tuple[str, bytes, int]


class Answer(NamedTuple):
    """Answer of a worker; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


#: The pipelines of the market, for tests that need no others: all pipelines are sixty tasks.
MARKET = {"TICKSTREAM_PIPELINES": "candles,gainers,surges,trends"}


class Worker:
    """One worker in a process of its own; used in `with`, which starts and ends it.

    `environment` are settings by their names. It keeps its port and its data over `restart()`.
    """

    def __init__(
        self, bootstrap: str, directory: Path, application: str, **environment: object
    ) -> None:
        self.environment: dict[str, str] = {}
        self.move()
        self.data = directory / f"{application}-{self.port}"
        self.log_path = self.data.with_suffix(".log")
        self.environment |= {
            "BROKER_URL": bootstrap,
            "TICKSTREAM_APP_ID": application,
            "APP_DATADIR": str(self.data),
            "PYTHONUNBUFFERED": "1",
            **{name: str(value) for name, value in environment.items()},
        }
        #: Prefix of its command line, such as another network namespace.
        self.launcher: list[str] = []
        #: The rest of its command line, and the directory where it runs.
        faust = Path(sys.executable).with_name("faust")
        self.command_line = [str(faust), "-A", "app", "worker", "-l", "info"]
        self.directory = REPOSITORY
        self.process: subprocess.Popen[bytes] | None = None
        self._paused = False

    # -- lifecycle

    def move(self) -> None:
        """Take another address for the next start, as a container that is moved has."""
        self.port = ports.free()
        self.url = f"http://{ports.HOST}:{self.port}"
        self.environment["WEB_PORT"] = str(self.port)

    def start(self, *, wait: bool = True) -> Self:
        """Start it, and wait until it is ready."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, *self.command_line],
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Wait until `/readyz` answers 200. Raises AssertionError with the end of its log."""

        def is_ready() -> bool:
            assert self.running, f"the worker ended with {self.exit_code}:\n{self.troubles()}"
            return self.ready

        try:
            until(is_ready, timeout)
        except TimeoutError as error:
            raise AssertionError(f"not ready: {self._readiness()}\n{self.troubles()}") from error

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Stop it by SIGTERM, which has to take effect in time; return its exit code."""
        assert self.process is not None
        self.resume()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop in {timeout} s:\n{self.tail()}") from None

    def kill(self) -> None:
        """Kill it (SIGKILL), as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._paused = False

    def pause(self) -> None:
        """Pause the process (SIGSTOP)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Resume the process (SIGCONT)."""
        if self._paused and self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self._paused = False

    def restart(self) -> None:
        """Stop it if it runs, start it again, and wait until it is ready."""
        if self.running:
            self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            return self if self.running else self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self.running:
                self.stop()
        finally:
            self.kill()

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of its application with the worker's settings; return the result."""
        return subprocess.run(
            [*self.command_line[:3], *arguments],
            cwd=self.directory,
            env={**os.environ, **self.environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    # -- observation

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process; None before it ends."""
        return self.process.poll() if self.process else None

    @property
    def ready(self) -> bool:
        """Whether the worker reports that it is ready."""
        try:
            return self.ask("/readyz").status == 200
        except OSError:
            return False

    @property
    def log(self) -> str:
        """All it has logged, over its restarts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.splitlines()[-lines:])

    def troubles(self, lines: int = 40) -> str:
        """Return the log at its first error, and its end: the one may hide the other."""
        log = self.log.splitlines()
        wrong = (n for n, line in enumerate(log) if "[ERROR]" in line or "[CRITICAL]" in line)
        first, end = next(wrong, len(log)), max(0, len(log) - lines)
        return "\n".join([*log[first : min(first + lines, end)], *log[end:]])

    def ask(self, path: str, *, method: str = "GET", timeout: float = 10) -> Answer:
        """Ask it over HTTP. Raises OSError if it can't be reached, or not in time."""
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310  # our own
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:  # noqa: S310  # the same
                return _answer(reply)
        except urllib.error.HTTPError as reply:
            with reply:
                return _answer(reply)

    def get(self, path: str, *, timeout: float = 10) -> tuple[int, Any]:
        """Return status and JSON of a path. Raises OSError as `ask` does."""
        answer = self.ask(path, timeout=timeout)
        return answer.status, answer.json

    def _readiness(self) -> str:
        try:
            return self.ask("/readyz").body.decode()
        except OSError as error:
            return repr(error)


class Market:
    """A broker with clean topics, and an application id for the workers on it."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        self.bootstrap = bootstrap
        self.directory = directory
        self.application = f"test-{uuid.uuid4().hex[:8]}"

    def name_of(self, topic: Topic) -> str:
        """Return a topic's name in Kafka; that of an internal one has the application's id."""
        conf = Settings(TICKSTREAM_APP_ID=self.application)
        return topic.of(conf).name

    def worker(self, **environment: object) -> Worker:
        """Return another worker of the application, to be started by `with` or `start()`."""
        return Worker(self.bootstrap, self.directory, self.application, **environment)

    @contextmanager
    def workers(self, number: int, **environment: object) -> Iterator[list[Worker]]:
        """Run so many workers, started at once; they share the partitions when this yields."""
        with ExitStack() as ending:
            workers = [self.worker(**environment) for _ in range(number)]
            for worker in workers:
                ending.push(worker.start(wait=False))
            for worker in workers:
                worker.wait_ready()
            until(lambda: all(worker.ready and _owns_some(worker) for worker in workers))
            yield workers

    def send(self, records: Iterable[Record], topic: str = "ticks", partition: int = -1) -> int:
        """Send records as `send` does."""
        return send(self.bootstrap, records, topic, partition)


def tick(symbol: str, price: float, time: int, size: int = 1) -> Record:
    """Make the record of a tick; `time` in ms."""
    value = {"symbol": symbol, "price": price, "size": size, "time": time}
    return symbol, json.dumps(value).encode(), time


def send(
    bootstrap: str, records: Iterable[Record], topic: str = "ticks", partition: int = -1
) -> int:
    """Send records, wait until they are in, return how many they were.

    Kafka's timestamp is the event time. The partition is murmur2's, as Java's producers do it,
    where none is given.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2",
            "linger.ms": 5,
            "enable.idempotence": True,
        }
    )
    count = 0
    for key, value, at in records:
        count += 1
        producer.produce(topic, value, key, partition, timestamp=at)
        if len(producer) > 50_000:
            producer.poll(0.01)
    assert producer.flush(60) == 0
    return count


def delete_topics(bootstrap: str) -> None:
    """Delete all topics but Kafka's own, and with them the offsets of groups."""
    admin = AdminClient({"bootstrap.servers": bootstrap})

    def topics() -> list[str]:
        return [name for name in admin.list_topics(timeout=30).topics if not name.startswith("__")]

    found = topics()
    for deleted in admin.delete_topics(found, operation_timeout=30).values() if found else ():
        deleted.result(30)
    until(lambda: not topics())


def until(condition: Callable[[], T], timeout: float = 30) -> T:
    """Wait for a condition that other processes bring about, and return its value.

    A condition that takes long to check, such as all records of a topic, is checked less often.
    OSError counts as not yet. Raises TimeoutError, with the last answer or error.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        begun = time.monotonic()
        try:
            found = condition()
            if found:
                return found
            last = found
        except OSError as error:
            last = error
        now = time.monotonic()
        if now > deadline:
            raise TimeoutError(f"not within {timeout} s; the last answer was {last!r}")
        time.sleep(min(max(POLL, now - begun), 10 * POLL))


def _owns_some(worker: Worker) -> bool:
    return any(table["open"] for table in worker.get("/readyz")[1]["tables"].values())


def _answer(reply: Any) -> Answer:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Answer(reply.status, headers, reply.read())


def refusal(worker: Worker) -> str:
    """Start a worker that can't, and return the last line of its log."""
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 60)
        assert worker.exit_code == 1
        return worker.tail(1)
    finally:
        worker.kill()
