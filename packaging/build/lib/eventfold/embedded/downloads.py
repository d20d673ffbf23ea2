"""Download of Kafka's jars from Maven Central, or from the mirrors of the user's jgo.conf."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import stamina
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from eventfold.embedded.errors import BrokerError
from eventfold.embedded.jars import VERSION, Jar

#: Parallel downloads; more are not faster and a burden to the repository.
DOWNLOADS = 6


def repositories() -> dict[str, str]:
    """Return the URL of each Maven repository by name, in the order of use."""
    return {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}


def download(store: Path, missing: list[Jar], cancelled: Event) -> None:
    """Download `missing` into the Maven repository at `store`, and show the progress.

    Raises BrokerError if a jar can't be downloaded or differs from its pinned hash, and if
    `cancelled` is set.
    """
    with _progress(missing) as received:

        def fetch(jar: Jar) -> None:
            _fetch(store, jar, _Counter(received, cancelled))

        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(fetch, missing))


class _Counter:
    """Progress callback of jgo: a context manager that counts bytes and raises on cancellation."""

    def __init__(self, received: Callable[[int], None], cancelled: Event) -> None:
        self.received = received
        self.cancelled = cancelled

    @contextmanager
    def __call__(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._count

    def check(self) -> None:
        """Raise BrokerError if the download is cancelled."""
        if self.cancelled.is_set():
            raise BrokerError("stopped while downloading Kafka")

    def _count(self, received: int) -> None:
        self.check()
        self.received(received)


def _fetch(store: Path, jar: Jar, counter: _Counter) -> None:
    context = MavenContext(
        resolver=PythonResolver(progress_callback=counter),
        repo_cache=store,
        remote_repos=repositories(),
    )
    artifact = context.create_dependency(jar.coordinates).artifact
    try:
        for attempt in stamina.retry_context(on=OSError, attempts=3):
            with attempt:
                counter.check()
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
        columns = (TextColumn(title), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda received: bar.advance(task, received)
        return
    sys.stderr.write(f"{title}: {len(jars)} files, {total / 1e6:.0f} MB, only this once ...\n")
    yield lambda _received: None
    sys.stderr.write("Downloaded.\n")
