"""The embedded broker: its data, its output, and that no process of it stays behind."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from eventfold.embedded import BrokerError, EmbeddedBroker, LocalBroker, ports
from eventfold.embedded.child import LAUNCHER

Start = Callable[..., subprocess.Popen[str]]
READY = re.compile(
    r"Apache Kafka is ready at (127\.0\.0\.1:\d+), its data in (.+)\. Ctrl-C stops it\."
)
META = """\
version=1
cluster.id=abcdefghijklmnopqrstuv
node.id=1
directory.id=kyjks9BTcrqAH_qkJBAhfw
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one data directory for the tests that start a broker one after another."""
    return tmp_path_factory.mktemp("commands") / "broker"


@pytest.fixture
def run(faust: Start, data_dir: Path) -> Start:
    """Start `faust -A app broker` on a free port."""

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        defaults = ("--port", str(ports.free()), "--data-dir", str(data_dir))
        return faust("broker", *defaults, *arguments, **environment)

    return start


def wait_for(condition: Callable[[], object], seconds: float = 30) -> object:
    """Poll until the condition is true, and return its value; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def kafka_of(process: subprocess.Popen[str]) -> psutil.Process:
    """Wait for the Java process of a broker command, and return it."""

    def find() -> psutil.Process | None:
        children = psutil.Process(process.pid).children()
        return next((each for each in children if is_kafka(each)), None)

    def is_kafka(process: psutil.Process) -> bool:
        try:
            line = process.cmdline()
        except psutil.Error:  # it has just ended
            return False
        return bool(line) and Path(line[0]).name == "java" and "kafka.Kafka" in line

    found = wait_for(find)
    assert isinstance(found, psutil.Process)
    return found


def gone(process: psutil.Process) -> bool:
    """Return whether a process has ended (a zombie has)."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def names(directory: Path) -> list[str]:
    """Return the names of the entries of a directory."""
    return sorted(each.name for each in directory.iterdir())


def await_ready(process: subprocess.Popen[str]) -> None:
    """Wait for the line that a started broker prints."""
    assert process.stdout
    assert READY.fullmatch(process.stdout.readline().strip())


def error_line(process: subprocess.Popen[str]) -> str:
    """Wait for a command to fail and return the one line it prints."""
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = [line for line in printed.splitlines() if not line.startswith("Download")]
    assert len(lines) == 1, printed
    return lines[0]


async def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    """Send values in one transaction."""
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="test-embedded") as producer,
        producer.transaction(),
    ):
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """Read `count` values from the start, in a group, committed ones only."""
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"group-{count}",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        values = [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
        await consumer.commit()
        return values


async def committed(bootstrap: str, topic: str, group: str) -> int | None:
    """Return the offset that a group has committed."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group) as consumer:
        return await consumer.committed(TopicPartition(topic, 0))


async def test_records_and_offsets_survive_a_restart_and_a_kill(tmp_path: Path) -> None:
    """Acknowledged records are there after a clean stop, and after SIGKILL."""
    broker = LocalBroker(tmp_path / "broker")
    try:
        broker.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("kept", 1, 1)])
        await admin.close()
        await produce(broker.bootstrap, "kept", b"one")
        assert await consume(broker.bootstrap, "kept", 1) == [b"one"]
        broker.stop()

        broker.start()
        await produce(broker.bootstrap, "kept", b"two")
        broker.kill()

        broker.start()
        assert await consume(broker.bootstrap, "kept", 2) == [b"one", b"two"]
        assert await committed(broker.bootstrap, "kept", "group-1")
    finally:
        broker.stop()
    assert broker.pid is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_the_broker_command_cleanly(run: Start, number: signal.Signals) -> None:
    """One line when ready; then exit code 0, no other output, and no Java process is left."""
    command = run()
    await_ready(command)
    kafka = kafka_of(command)
    assert os.getsid(kafka.pid) == kafka.pid, "Ctrl-C of a terminal must not reach Java"
    command.send_signal(number)
    assert command.communicate(timeout=60) == ("", "")
    assert command.returncode == 0
    assert gone(kafka)


def test_ctrl_c_during_start_exits_with_code_0(run: Start) -> None:
    """The Java process of the aborted start ends too."""
    command = run()
    kafka = kafka_of(command)
    command.send_signal(signal.SIGINT)
    assert command.communicate(timeout=60) == ("", "")
    assert command.returncode == 0
    assert gone(kafka)


def test_killed_command_leaves_no_java_process(run: Start) -> None:
    """SIGKILL of the command ends Kafka too."""
    command = run()
    await_ready(command)
    kafka = kafka_of(command)
    command.kill()
    wait_for(lambda: gone(kafka))


def test_command_ends_when_kafka_dies(run: Start) -> None:
    """When Kafka is killed, the command prints it and exits with code 1."""
    command = run()
    await_ready(command)
    kafka_of(command).kill()
    line = error_line(command)
    assert line.startswith("the broker stopped: killed by signal 9 (log: ")


def test_port_in_use_is_reported(run: Start) -> None:
    """Whatever listens on the port, the start is rejected with the port's number."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = error_line(run("--port", str(port)))
    assert line.startswith(f"port {port} of 127.0.0.1 can't be used: ")


def test_data_directory_serves_one_broker_at_a_time(run: Start, broker: LocalBroker) -> None:
    """The second start reports the directory and the process that uses it; the first goes on."""
    line = error_line(run("--data-dir", str(broker.data_dir)))
    assert line.startswith(f"another broker (process {os.getpid()}) uses {broker.data_dir}: ")
    assert broker.pid


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (None, "is missing"),
        (b"\xff\xfe\x00", "can't be read"),
        (META.replace("cluster.id", "cluster").encode(), "has no cluster.id"),
    ],
)
async def test_damaged_data_directory_is_rejected(
    tmp_path: Path, meta: bytes | None, reason: str
) -> None:
    """The line names the file and the damage, and nothing is formatted again."""
    (tmp_path / "kafka").mkdir()
    (tmp_path / "broker.lock").touch()
    file = tmp_path / "kafka" / "meta.properties"
    if meta is not None:
        file.write_bytes(meta)
    with pytest.raises(BrokerError) as refused:
        await EmbeddedBroker(ports.free(), tmp_path).start()
    assert str(refused.value).startswith(f"the broker's data is damaged, {file} {reason}")
    assert file.exists() == (meta is not None)


async def test_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """No broker starts in a directory with other files."""
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(BrokerError, match="holds something else than a broker's data"):
        await EmbeddedBroker(ports.free(), tmp_path).start()
    assert names(tmp_path) == ["thesis.txt"]


def test_failed_kafka_start_is_reported_with_its_reason(run: Start, tmp_path: Path) -> None:
    """The line has Kafka's own reason and the path of its log."""
    quorum = tmp_path / "kafka" / "__cluster_metadata-0" / "quorum-state"
    quorum.parent.mkdir(parents=True)
    quorum.write_text("{")
    (tmp_path / "kafka" / "meta.properties").write_text(META)
    (tmp_path / "broker.lock").touch()
    line = error_line(run("--data-dir", str(tmp_path)))
    assert line.startswith("the broker could not start: ")
    assert f"Error while reading the Quorum status from the file {quorum}" in line
    assert line.endswith(f"(log: {tmp_path / 'kafka.log'})")


def test_pipe_ends_the_child_where_the_kernel_cannot() -> None:
    """The fallback for systems other than Linux: the child ends when its parent is killed."""
    launch = [sys.executable, "-IS", str(LAUNCHER), "pipe", "0", "/bin/sleep", "600"]
    script = f"""
import subprocess, time
child = subprocess.Popen({launch!r}, stdin=subprocess.PIPE)
print(child.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        wait_for(lambda: child.name() == "sleep" and child.children())
        watcher = child.children()[0]
        parent.kill()
    wait_for(lambda: gone(child))
    wait_for(lambda: gone(watcher))
