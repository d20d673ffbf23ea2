"""Kafka's jars: named and hashed in kafka.lock, downloaded once into the user's cache."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from eventfold.embedded.errors import BrokerError

VERSION = "4.1.0"
LOCK = Path(__file__).with_name("kafka.lock")


@dataclass(frozen=True)
class Jar:
    """One line of the lock: Maven coordinates, SHA-256 and size in bytes."""

    coordinates: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where it stands in a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return Path(*group.split("."), artifact, version, f"{artifact}-{version}.jar")

    def intact(self, store: Path) -> bool:
        """Tell whether the repository at `store` has it, whole."""
        try:
            return hashlib.sha256((store / self.path).read_bytes()).hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def cache_directory() -> Path:
    """Give this user's cache of tickstream, shared by all its runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tickstream"


def pinned() -> list[Jar]:
    """Read the lock."""
    lines = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines())
    return [Jar(name, sha256, int(size)) for name, sha256, size in lines]


def classpath(cancelled: Event) -> list[Path]:
    """Give the paths of all jars, downloading what is not there yet.

    Blocks while another process downloads into the same cache. Setting `cancelled` makes it
    return soon. Raises BrokerError if a jar can't be had.
    """
    cache, jars = cache_directory(), pinned()
    # A new lock means another mark, so the hashes are checked once, not at every start.
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
    """Download what is missing or was left half-written by a process that died."""
    missing = [jar for jar in jars if not jar.intact(store)]
    if missing:
        # Whoever has the jars already starts a fifth of a second sooner without this import.
        from eventfold.embedded.downloads import download  # noqa: PLC0415

        download(store, missing, cancelled)
