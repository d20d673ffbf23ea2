"""Kafka's jars: pinned with their hashes in kafka.lock, downloaded once to the user's cache."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from eventfold.embedded.errors import BrokerError
from eventfold.extras import demand

VERSION = "4.1.0"
LOCK = Path(__file__).with_name("kafka.lock")


@dataclass(frozen=True)
class Jar:
    """Line of the lock: Maven coordinates, SHA-256 and size in bytes."""

    coordinates: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """The relative path in a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return Path(*group.split("."), artifact, version, f"{artifact}-{version}.jar")

    def intact(self, store: Path) -> bool:
        """Return whether the repository at `store` has the jar with the pinned hash."""
        try:
            return hashlib.sha256((store / self.path).read_bytes()).hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def cache_directory() -> Path:
    """Return the user's cache directory of tickstream, shared by all runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tickstream"


def pinned() -> list[Jar]:
    """Return the jars in the lock."""
    lines = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines())
    return [Jar(name, sha256, int(size)) for name, sha256, size in lines]


def classpath(cancelled: Event) -> list[Path]:
    """Return the paths of all jars, and download missing ones.

    Blocks while another process downloads into the same cache. Setting `cancelled` ends it soon,
    with a BrokerError. Raises BrokerError if a jar can't be downloaded or written.
    """
    cache, jars = cache_directory(), pinned()
    # The mark is named by the lock's hash: jars are checked once for each lock, not at each start.
    mark = cache / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}.complete"
    paths = [cache / "jars" / jar.path for jar in jars]
    if not (mark.exists() and all(path.exists() for path in paths)):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _alone(cache / "jars.lock", cancelled):
                _complete(cache / "jars", jars, cancelled)
                mark.touch()
        except OSError as error:
            raise BrokerError(f"can't write Kafka's jars to {cache}: {error}") from error
    return paths


@contextmanager
def _alone(path: Path, cancelled: Event) -> Iterator[None]:
    with path.open("w") as lock:
        while not _locked(lock.fileno()):
            if cancelled.wait(0.1):
                raise BrokerError("stopped while another process was downloading Kafka")
        yield


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _complete(store: Path, jars: list[Jar], cancelled: Event) -> None:
    """Download jars that are missing, or left incomplete by a process that died."""
    missing = [jar for jar in jars if not jar.intact(store)]
    if missing:
        for module in "jgo", "rich":
            demand(module, "embedded", f"download of Apache Kafka {VERSION}", BrokerError)
        # Without this import, a start with all jars present is a fifth of a second faster.
        from eventfold.embedded.downloads import download  # noqa: PLC0415

        download(store, missing, cancelled)
