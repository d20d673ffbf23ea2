"""`faust -A app up`: from nothing to ten gainers on the dashboard, and no process left behind."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
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

from app.transactions.examples import EXAMPLES
from eventfold.cli.up.supervisor import PARTITION_BYTES
from eventfold.embedded import ports

#: Seconds all of it may take to start on a busy machine (7 on a quiet one), and to stop.
START_TIMEOUT = 90
STOP_TIMEOUT = 60


class Up:
    """One run of `up`, on ports of its own."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        application: str = "app",
        cwd: Path | None = None,
        **environment: str,
    ) -> None:
        self.port, self.broker_port = ports.free(), ports.free()
        self.url = f"http://{ports.HOST}:{self.port}"
        self.bootstrap = f"{ports.HOST}:{self.broker_port}"
        own = ("--broker-port", str(self.broker_port), "--data-dir", str(directory))
        faust = Path(sys.executable).with_name("faust")
        #: Lines of its standard output.
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [faust, "-A", application, "up", *own, *options],
            cwd=cwd,
            # As for the other brokers of the tests (tests/conftest.py): half the processor time.
            env={
                **os.environ,
                "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
                "WEB_PORT": str(self.port),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_started(self) -> None:
        """Wait until it has printed what runs."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C stops all of it"):
                return
        raise AssertionError(f"it ended: {self.lines}, {self.process.communicate()}")

    def child(self, *words: str) -> psutil.Process:
        """Wait for the child process with these words in its command line, and return it."""

        def find() -> psutil.Process | None:
            children = psutil.Process(self.process.pid).children()
            return next((each for each in children if set(words) <= command_line(each)), None)

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
        """Wait until it ends; return its exit code and its standard error."""
        _, err = self.process.communicate(timeout=STOP_TIMEOUT)
        return self.process.returncode, err

    def kill(self) -> None:
        """Kill what a failed test left running."""
        self.process.kill()
        self.process.communicate()

    def get(self, path: str) -> Any:
        """Return the JSON that its worker answers with."""
        return get(self.url + path)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one data directory for the runs of this module, which follow one another."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def first(directory: Path) -> Iterator[Up]:
    """Yield the first run in the directory, once it has printed what runs."""
    run = Up(directory)
    run.await_started()
    yield run
    run.kill()


@pytest.fixture
def up(directory: Path) -> Iterator[Callable[..., Up]]:
    """Start another run in the directory, with options, and environment variables by keyword."""
    runs: list[Up] = []

    def start(*options: str, **environment: str) -> Up:
        runs.append(Up(directory, *options, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


def get(url: str) -> Any:
    """Return the JSON at an address. Raises OSError if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own
            return json.load(reply)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        raise


@contextmanager
def another_worker(command: str, directory: Path) -> Iterator[str]:
    """Run the command line for another worker; return its address once it is ready."""
    parts = shlex.split(command)
    port = next(word for word in parts if word.startswith("WEB_PORT=")).removeprefix("WEB_PORT=")
    url = f"http://{ports.HOST}:{port}"
    with (directory / "log").open("wb") as log:
        worker = subprocess.Popen(
            ["env", f"APP_DATADIR={directory}", *parts], cwd=REPOSITORY, stdout=log, stderr=log
        )
    try:
        until(lambda: get(f"{url}/readyz")["ready"], START_TIMEOUT)
        yield url
    finally:
        worker.terminate()
        worker.wait(STOP_TIMEOUT)


def broker_setting(bootstrap: str, name: str) -> str:
    """Return a setting of the broker."""
    resource = ConfigResource(ResourceType.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    return admin.describe_configs([resource])[resource].result(30)[name].value


def command_line(process: psutil.Process) -> set[str]:
    """Return the words of a process's command line, none if it has just ended."""
    try:
        return set(process.cmdline())
    except psutil.Error:
        return set()


def gone(process: psutil.Process) -> bool:
    """Return whether a process has ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def health_check() -> list[str]:
    """Return the command by which the image checks that its worker is alive."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    line = next(line for line in lines if line.strip().startswith('CMD ["python"'))
    return json.loads(line.strip().removeprefix("CMD "))


def test_up_shows_ten_gainers_on_the_dashboard(first: Up) -> None:
    """Soon after the command has printed what runs."""
    assert f"  dashboard    {first.url}/" in first.lines
    assert any(line.startswith(f"  Kafka        {first.bootstrap}, log ") for line in first.lines)
    until(lambda: len(first.get("/api/top-gainers")["rank"]) == 10, START_TIMEOUT)


def test_up_adds_example_rules_for_transactions(first: Up) -> None:
    """There are rejected transactions without a rule of the user's."""
    until(lambda: len(first.get("/api/rules")["rules"]) == len(EXAMPLES), START_TIMEOUT)


def test_up_shows_the_dashboard_of_a_new_project(tmp_path: Path) -> None:
    """`eventfold new` and `up`: its own simulation moves its own table, under its own name."""
    project = tmp_path / "visits"
    eventfold = (sys.executable, "-c", "from eventfold.cli.new import main; main()")
    subprocess.run([*eventfold, "new", "visits"], cwd=tmp_path, check=True)
    run = Up(project / "data", application="visits", cwd=project)
    try:
        run.await_started()
        assert f"  dashboard    {run.url}/" in run.lines
        assert any(line.startswith("  visitors     Visits of four pages") for line in run.lines)
        assert not any("ticks" in line for line in run.lines)
        assert any(line.endswith(" -A visits worker -l info") for line in run.lines)
        with urllib.request.urlopen(run.url, timeout=10) as page:  # noqa: S310 - our own
            assert "<title>Overview · visits</title>" in page.read().decode()
        assert run.get("/openapi.json")["info"]["title"] == "visits"
        assert run.get("/readyz")["tables"].keys() == {"pages"}
        until(lambda: len(run.get("/api/windows/pages?window=5m/1m")["windows"]) >= 4)
        started = [run.worker, run.kafka]
        run.process.send_signal(signal.SIGINT)
        assert run.end() == (0, "")
        assert all(map(gone, started))
    finally:
        run.kill()


def test_printed_command_starts_another_worker(first: Up, tmp_path: Path) -> None:
    """Pasted into another terminal as it is, it starts a worker that answers for all keys."""
    command = next(line.strip() for line in first.lines if "app worker" in line)
    with another_worker(command, tmp_path) as url:
        until(lambda: len(get(f"{url}/api/top-gainers")["rank"]) == 10, START_TIMEOUT)


def test_second_up_for_the_same_application_is_rejected(first: Up, tmp_path: Path) -> None:
    """It would join the application and send ticks of another market."""
    run = Up(tmp_path / "data", BROKER_URL=first.bootstrap)
    code, err = run.end()
    assert code == 1
    assert err.startswith(f"application tickstream runs already at BROKER_URL={first.bootstrap} ")
    assert err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_docker_health_check_reports_a_running_worker_as_healthy(first: Up) -> None:
    """The Dockerfile's health check succeeds where a worker answers, and fails where none does."""
    for port, code in (first.port, 0), (ports.free(), 1):
        environment = {**os.environ, "WEB_PORT": str(port)}
        command = [sys.executable, *health_check()[1:]]
        checked = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert checked.returncode == code


def test_kafka_retention_is_bounded_by_size(first: Up) -> None:
    """A long run does not fill the disk: Kafka deletes the oldest records of a partition."""
    assert broker_setting(first.bootstrap, "log.retention.bytes") == str(PARTITION_BYTES)
    assert int(broker_setting(first.bootstrap, "log.segment.bytes")) < PARTITION_BYTES / 4


def test_ctrl_c_stops_all_and_the_next_run_continues_with_the_data(
    first: Up, up: Callable[..., Up]
) -> None:
    """Only data stays behind: a minute of the first run is still served."""
    symbol = until(lambda: first.get("/api/top-gainers")["rank"], START_TIMEOUT)[0]["symbol"]
    path = f"/api/candles/{symbol}?size=1m"
    before = until(lambda: first.get(path), START_TIMEOUT)[0]
    started = [first.worker, first.kafka]
    first.process.send_signal(signal.SIGINT)
    assert first.end() == (0, "")
    assert all(map(gone, started))

    second = up()
    second.await_started()
    after = until(lambda: second.get(path), START_TIMEOUT)[0]
    assert (after["start"], after["open"]) == (before["start"], before["open"])
    started = [second.worker, second.kafka]
    second.process.send_signal(signal.SIGTERM)
    assert second.end() == (0, "")
    assert all(map(gone, started))


def test_ctrl_c_during_start_exits_with_code_0(up: Callable[..., Up]) -> None:
    """The processes that had started end too."""
    run = up()
    kafka = run.kafka
    run.process.send_signal(signal.SIGINT)
    assert run.end() == (0, "")
    assert gone(kafka)


def test_killed_up_leaves_no_orphan_process(up: Callable[..., Up]) -> None:
    """SIGKILL of the command ends its worker and its Kafka too."""
    run = up()
    started = [run.kafka, run.worker]
    run.process.kill()
    until(lambda: all(map(gone, started)))


def test_up_ends_when_its_worker_dies(up: Callable[..., Up], market: Market) -> None:
    """With a broker of the user's: the last line names the worker, the exit code is 1."""
    run = up(BROKER_URL=f"kafka://{market.bootstrap}", TICKSTREAM_APP_ID=market.application)
    run.await_started()
    assert f"  Kafka        {market.bootstrap}" in run.lines
    run.worker.kill()
    code, err = run.end()
    assert code == 1
    assert err.splitlines()[-1].startswith("the worker was killed by signal 9 (log: ")


def test_up_ends_when_its_kafka_dies(up: Callable[..., Up]) -> None:
    """One line reports it, the worker ends too, the exit code is 1."""
    run = up()
    worker = run.worker
    run.kafka.kill()
    code, err = run.end()
    assert code == 1
    assert err.startswith("the broker stopped: killed by signal 9 (log: ")
    assert err.count("\n") == 1
    assert gone(worker)


def test_reason_of_a_failed_worker_start_is_shown(up: Callable[..., Up], market: Market) -> None:
    """The user need not read the worker's log."""
    # The broker's topics belong to this application.
    broker = {"BROKER_URL": market.bootstrap, "TICKSTREAM_APP_ID": market.application}
    run = up(**broker)
    run.await_started()
    until(lambda: committed(market.bootstrap, market.application, "ticks"), START_TIMEOUT)
    run.process.send_signal(signal.SIGINT)
    assert run.end() == (0, "")

    code, err = up(**broker, TICKSTREAM_PIPELINES="gainers").end()
    assert code == 1
    assert "run it with the same TICKSTREAM_PIPELINES" in err
    assert err.splitlines()[-1].startswith("the worker stopped with code 1 (log: ")


@pytest.mark.parametrize("option", ["WEB_PORT", "--broker-port"])
def test_port_in_use_is_reported_before_anything_starts(tmp_path: Path, option: str) -> None:
    """One line has the port and the option to choose another; no directory is created."""
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        environment = {"WEB_PORT": str(port)} if option == "WEB_PORT" else {}
        options = [] if environment else [option, str(port)]
        run = Up(tmp_path / "data", *options, **environment)
        code, err = run.end()
    assert code == 1
    assert err == (
        f"port {port} of {ports.HOST} can't be used: something listens there already; "
        f"stop what uses it, or choose another with {option}\n"
    )
    assert not (tmp_path / "data").exists()


def test_unreachable_broker_is_reported(up: Callable[..., Up]) -> None:
    """No Kafka is started in place of the one in BROKER_URL."""
    url = f"kafka://{ports.HOST}:{ports.free()}"
    code, err = up(BROKER_URL=url).end()
    assert code == 1
    assert err.startswith(f"no Kafka broker answers at BROKER_URL={url}: ")
    assert err.count("\n") == 1
