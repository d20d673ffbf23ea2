"""Kafka's jars: pinned with their hashes in kafka.lock, downloaded once to the user's cache."""

# jgo and rich are imported where jars are missing: a start with all of them present is a fifth of a
# second faster.
# ruff: noqa: PLC0415

import fcntl
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

import stamina

from eventfold.embedded.errors import BrokerError
from eventfold.extras import demand

VERSION = "4.1.0"
#: Written by `packaging/pin_kafka.py`.
LOCK = Path(__file__).with_name("kafka.lock")

#: Parallel downloads; more are not faster and a burden to the repository.
DOWNLOADS = 6


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
        download(store, missing, cancelled)


def repositories() -> dict[str, str]:
    """Return the URL of each Maven repository by name: Maven Central, those of the jgo.conf."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL

    return {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}


def download(store: Path, missing: list[Jar], cancelled: Event) -> None:
    """Download `missing` into the Maven repository at `store`, and show the progress.

    Raises BrokerError if a jar can't be downloaded or differs from its pinned hash, and if
    `cancelled` is set.
    """
    with _progress(missing) as received:

        def count(size: int) -> None:
            if cancelled.is_set():
                raise BrokerError("stopped while downloading Kafka")
            received(size)

        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(partial(_fetch, store, count), missing))


def _fetch(store: Path, count: Callable[[int], None], jar: Jar) -> None:
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def counting(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    context = MavenContext(
        resolver=PythonResolver(progress_callback=counting),
        repo_cache=store,
        remote_repos=repositories(),
    )
    artifact = context.create_dependency(jar.coordinates).artifact
    try:
        for attempt in stamina.retry_context(on=OSError, attempts=3):
            with attempt:
                count(0)
                # jgo writes in place, and takes an existing file for complete.
                (store / jar.path).unlink(missing_ok=True)
                artifact.resolve()
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise BrokerError(f"can't download {jar.path.name} of Apache Kafka: {reason}") from error
    if not jar.intact(store):
        (store / jar.path).unlink()
        raise BrokerError(f"{jar.path.name} is not the file that was pinned (SHA-256): removed it")


@contextmanager
def _progress(jars: list[Jar]) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal, else a line before and after; yield the byte counter."""
    total = sum(jar.size for jar in jars)
    title = f"Downloading Apache Kafka {VERSION}"
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn(title), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda received: bar.advance(task, received)
        return
    sys.stderr.write(f"{title}: {len(jars)} files, {total / 1e6:.0f} MB, only this once ...\n")
    yield lambda _received: None
    sys.stderr.write("Downloaded.\n")
