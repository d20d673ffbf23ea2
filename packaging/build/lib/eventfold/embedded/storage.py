"""Data directory of the broker: lock, format, configuration and log.

broker.lock        held (flock) by the process that uses the directory, and by its Kafka
server.properties  rewritten at each start, and log4j2.properties
kafka.log          output of Kafka; kafka.log.1 is the log before
kafka/             Kafka's own: topics, metadata, meta.properties
tmp/               native libraries that Kafka unpacks
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from eventfold.embedded.errors import BrokerError
from eventfold.embedded.properties import Node, new_cluster_id
from eventfold.private_files import MODE, make_private

#: Size (bytes) above which the log is renamed to kafka.log.1 at the next start.
LOG_SIZE = 10_000_000

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c{1})%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
# All settings of everything, at each start and for each client.
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
"""


class Storage:
    """Data directory of one broker; nothing is changed before `acquire`."""

    def __init__(self, path: Path, partition_bytes: int | None = None) -> None:
        self.path = path.absolute()
        self._partition_bytes = partition_bytes
        self.log_path = self.path / "kafka.log"
        self.lock: int | None = None
        self._log_start = 0

    def acquire(self) -> None:
        """Lock the directory for this process, and create it if it is missing.

        Raises BrokerError if another process uses it, or if it holds other data or can't be used.
        """
        try:
            self._check_foreign()
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for ours in "kafka", self.log_path.name:
                make_private(self.path / ours)
            lock = os.open(self.path / "broker.lock", os.O_RDWR | os.O_CREAT, MODE)
        except OSError as error:
            raise BrokerError(f"can't use {self.path} for the broker's data: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip()
            os.close(lock)
            raise BrokerError(
                f"another broker (process {holder}) uses {self.path}: stop it, "
                "or choose another directory with --data-dir"
            ) from None
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self.lock = lock

    def release(self) -> None:
        """Unlock the directory."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def prepare(self, node: Node, java: Sequence[str]) -> None:
        """Write the configuration, and format the directory if it is new.

        `java` is the command line up to the main class. Raises BrokerError if the present data is
        damaged or the directory can't be formatted.
        """
        shutil.rmtree(self.path / "tmp", ignore_errors=True)
        (self.path / "tmp").mkdir()
        (self.path / "log4j2.properties").write_text(LOGGING)
        if (self.path / "kafka").exists():
            self._check_format()
        else:
            self._format(node, java)
        self._configure(node, "kafka")

    def open_log(self) -> int:
        """Open the log for appending; the caller closes the file descriptor."""
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_SIZE:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, MODE)
        self._log_start = os.lseek(log, 0, os.SEEK_END)
        return log

    def last_words(self) -> str:
        """Return the line of the log since `open_log` that explains best why Kafka stopped."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip() and line[0] != "\t"]
        errors = [i for i, line in enumerate(lines) if _is_error(line)]
        if not errors:
            return lines[-1] if lines else "nothing was logged"
        # An exception is logged below the message; its causes, further below, explain less.
        message, *below = lines[errors[-1] :]
        return below[0] if below and not below[0][:4].isdigit() else message

    def _check_foreign(self) -> None:
        path = self.path
        if path.is_dir() and any(path.iterdir()) and not (path / "broker.lock").exists():
            raise BrokerError(
                f"{path} holds something else than a broker's data: choose a new or empty "
                "directory with --data-dir"
            )

    def _check_format(self) -> None:
        text = ""
        try:
            text = (self.path / "kafka" / "meta.properties").read_text(encoding="utf-8")
        except FileNotFoundError:
            self._refuse("is missing")
        except (OSError, UnicodeDecodeError) as error:
            self._refuse(f"can't be read ({error})")
        pairs = (line.partition("=") for line in text.splitlines() if line[:1] != "#")
        found = {name.strip(): value.strip() for name, _, value in pairs}
        for name in ("version", "cluster.id", "node.id", "directory.id"):
            if not found.get(name):
                self._refuse(f"has no {name}")

    def _refuse(self, reason: str) -> None:
        raise BrokerError(
            f"the broker's data is damaged, {self.path / 'kafka' / 'meta.properties'} {reason}: "
            f"restore it, or delete {self.path} to start empty"
        )

    def _configure(self, node: Node, logs: str) -> Path:
        path = self.path / "server.properties"
        path.write_text(node.properties(logs, self._partition_bytes))
        return path

    def _format(self, node: Node, java: Sequence[str]) -> None:
        """Format under another name and rename, so that a directory `kafka` is always complete.

        Raises BrokerError if Kafka's tool fails.
        """
        new = self.path / "kafka.new"
        shutil.rmtree(new, ignore_errors=True)
        cluster = node.cluster or new_cluster_id()
        # With `=`: one id in 64 begins with a dash, which the tool would parse as an option.
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config"]
        users = [option for each in node.secured for option in each.credentials()]
        command = [*java, *tool, str(self._configure(node, new.name)), *users]
        done = subprocess.run(  # noqa: S603 - our own command line
            command, cwd=self.path, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise BrokerError(f"can't format {self.path} for Kafka: {said[-1:] or 'no reason'}")
        new.rename(self.path / "kafka")


def _is_error(line: str) -> bool:
    return " ERROR " in line or " FATAL " in line or line.startswith("Terminating due to")
