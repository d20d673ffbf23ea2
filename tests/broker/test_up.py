"""`faust -A app up`: from nothing to ten names on the dashboard, and nothing left behind."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from progress import committed
from workers import REPOSITORY, Market, until

from app.embedded import ports
from app.up.everything import PARTITION_BYTES

Start = Callable[..., subprocess.Popen[str]]

#: Seconds all of it may take to start on a busy machine (7 on a quiet one), and to stop.
START_TIMEOUT = 90
STOP_TIMEOUT = 60


class Up:
    """One run of `up`, on ports of its own."""

    def __init__(self, faust: Start, directory: Path, **environment: str) -> None:
        self.port, self.broker_port = ports.free(), ports.free()
        self.url = f"http://{ports.HOST}:{self.port}"
        self.bootstrap = f"{ports.HOST}:{self.broker_port}"
        self.process = faust(
            *("up", "--broker-port", str(self.broker_port), "--data-dir", str(directory)),
            WEB_PORT=str(self.port),
            **environment,
        )

    def await_words(self) -> list[str]:
        """Wait until it has said what runs, and give that."""
        assert self.process.stdout
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C stops all of it"):
                return lines
        raise AssertionError(f"it ended: {lines}, {self.process.communicate()}")

    def child(self, *words: str) -> psutil.Process:
        """Give the process that it started with these words in its command line."""

        def find() -> psutil.Process | None:
            children = psutil.Process(self.process.pid).children()
            return next((each for each in children if set(words) <= set(each.cmdline())), None)

        return until(find, START_TIMEOUT)

    @property
    def worker(self) -> psutil.Process:
        """The worker's process."""
        return self.child("worker")

    @property
    def kafka(self) -> psutil.Process:
        """Kafka's process."""
        return self.child("kafka.Kafka")

    def end(self) -> tuple[int, str]:
        """Wait until it ends; give its exit code and what it said about errors."""
        _, said = self.process.communicate(timeout=STOP_TIMEOUT)
        return self.process.returncode, said

    def get(self, path: str) -> Any:
        """Give the JSON that its worker answers with."""
        return get(self.url + path)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one data directory to the runs of this module, which follow one another."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture
def up(faust: Start, directory: Path) -> Iterator[Callable[..., Up]]:
    """Start `up`; what it left running, if a test failed, is killed."""
    runs: list[Up] = []

    def start(**environment: str) -> Up:
        runs.append(Up(faust, directory, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()


def get(url: str) -> Any:
    """Give the JSON at an address. Raises OSError where there is none."""
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own
        return json.load(reply)


@contextmanager
def another_worker(command: str, directory: Path) -> Iterator[str]:
    """Run the command line for another worker; give its address once it is ready."""
    words = shlex.split(command)
    port = next(word for word in words if word.startswith("WEB_PORT=")).removeprefix("WEB_PORT=")
    url = f"http://{ports.HOST}:{port}"
    with (directory / "log").open("wb") as log:
        worker = subprocess.Popen(
            ["env", f"APP_DATADIR={directory}", *words], cwd=REPOSITORY, stdout=log, stderr=log
        )
    try:
        until(lambda: get(f"{url}/readyz")["ready"], START_TIMEOUT)
        yield url
    finally:
        worker.terminate()
        worker.wait(STOP_TIMEOUT)


def broker_setting(bootstrap: str, name: str) -> str:
    """Give a setting of the broker."""
    resource = ConfigResource(ResourceType.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    return admin.describe_configs([resource])[resource].result(30)[name].value


def gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def health_check() -> list[str]:
    """Give the command by which the image says whether its worker is alive."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    line = next(line for line in lines if line.strip().startswith('CMD ["python"'))
    return json.loads(line.strip().removeprefix("CMD "))


def test_one_command_shows_ten_names_and_ctrl_c_ends_all_of_it(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    """Ten names are ranked when it says so, its command for another worker works, nothing stays."""
    run = up()
    words = run.await_words()
    assert f"  dashboard  {run.url}/" in words
    until(lambda: len(run.get("/api/top-gainers")["rank"]) == 10, START_TIMEOUT)

    command = next(line.strip() for line in words if "app worker" in line)
    assert f"BROKER_URL=kafka://{run.bootstrap} " in command
    with another_worker(command, tmp_path) as url:
        until(lambda: len(get(f"{url}/api/top-gainers")["rank"]) == 10, START_TIMEOUT)

    started = [run.worker, run.kafka]
    run.process.send_signal(signal.SIGINT)
    assert run.end() == (0, "")
    assert all(map(gone, started))


def test_a_second_run_goes_on_with_the_data_of_the_first(up: Callable[..., Up]) -> None:
    """A minute of the first run is still served; SIGTERM ends the run as Ctrl-C does."""
    first = up()
    first.await_words()
    symbol = until(lambda: first.get("/api/top-gainers")["rank"], START_TIMEOUT)[0]["symbol"]
    path = f"/api/candles/{symbol}?size=1m"
    before = until(lambda: first.get(path), START_TIMEOUT)[0]
    first.process.send_signal(signal.SIGTERM)
    assert first.end() == (0, "")

    second = up()
    second.await_words()
    after = until(lambda: second.get(path), START_TIMEOUT)[0]
    assert (after["start"], after["open"]) == (before["start"], before["open"])

    # What the image calls healthy is the same worker.
    health = [sys.executable, *health_check()[1:]]
    alive = {**os.environ, "WEB_PORT": str(second.port)}
    assert subprocess.run(health, env=alive, check=False).returncode == 0

    # The disk does not fill up.
    assert broker_setting(second.bootstrap, "log.retention.bytes") == str(PARTITION_BYTES)

    # No orphan, however it ends.
    started = [second.worker, second.kafka]
    second.process.kill()
    until(lambda: all(map(gone, started)))


def test_a_worker_that_dies_ends_it(up: Callable[..., Up], market: Market) -> None:
    """With a broker of the user's: the last line says what died, the exit code is 1."""
    run = up(BROKER_URL=f"kafka://{market.bootstrap}", TICKSTREAM_APP_ID=market.application)
    words = run.await_words()
    assert f"  Kafka      {market.bootstrap}" in words
    run.worker.kill()
    code, said = run.end()
    assert code == 1
    assert said.splitlines()[-1].startswith("the worker was killed by signal 9 (log: ")


def test_a_kafka_that_dies_ends_it(up: Callable[..., Up]) -> None:
    """One line says so, the worker goes too, the exit code is 1."""
    run = up()
    worker = run.worker
    run.kafka.kill()
    code, said = run.end()
    assert code == 1
    assert said.startswith("the broker stopped: killed by signal 9 (log: ")
    assert said.count("\n") == 1
    assert gone(worker)


def test_a_worker_that_refuses_to_start_is_quoted(up: Callable[..., Up], market: Market) -> None:
    """The worker's own reason is shown, nobody has to look into its log."""
    broker = {"BROKER_URL": market.bootstrap, "TICKSTREAM_APP_ID": "quoted"}
    run = up(**broker)
    run.await_words()
    until(lambda: committed(market.bootstrap, "quoted"), START_TIMEOUT)
    run.process.send_signal(signal.SIGINT)
    assert run.end() == (0, "")

    code, said = up(**broker, TICKSTREAM_PIPELINES="gainers").end()
    assert code == 1
    assert "run it with the same TICKSTREAM_PIPELINES" in said
    assert said.splitlines()[-1].startswith("the worker stopped with code 1 (log: ")


@pytest.mark.parametrize("taken", ["WEB_PORT", "--broker-port"])
def test_a_port_in_use_is_named_before_anything_starts(
    faust: Start, tmp_path: Path, taken: str
) -> None:
    """One line names the port and how to choose another; no directory is made."""
    with socket.create_server((ports.HOST, 0)) as server:
        port = str(server.getsockname()[1])
        free = str(ports.free())
        web, broker = (port, free) if taken == "WEB_PORT" else (free, port)
        data = tmp_path / "data"
        command = faust("up", "--broker-port", broker, "--data-dir", str(data), WEB_PORT=web)
        out, said = command.communicate(timeout=60)
    assert (command.returncode, out) == (1, "")
    assert said == (
        f"port {port} of {ports.HOST} can't be used: something listens there already; "
        f"stop what uses it, or choose another with {taken}\n"
    )
    assert not data.exists()


def test_a_broker_that_does_not_answer_is_named(up: Callable[..., Up]) -> None:
    """BROKER_URL is used as it is: no Kafka is started in its place."""
    url = f"kafka://{ports.HOST}:{ports.free()}"
    code, said = up(BROKER_URL=url).end()
    assert code == 1
    assert said.startswith(f"no Kafka broker answers at BROKER_URL={url}: ")
    assert said.count("\n") == 1
