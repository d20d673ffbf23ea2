"""The jars of Kafka: downloaded once, completely, and exactly the pinned ones."""

import gc
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from eventfold.embedded import BrokerError, jars

# jgo leaves the connection of a download that fails to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

COORDINATES = ("org.example:alpha:1.0", "org.example:beta:2.1")


@pytest.fixture(autouse=True)
def collect_garbage() -> Iterator[None]:
    """Collect garbage here: otherwise another module's test would report those connections."""
    yield
    gc.collect()


class Repository:
    """A Maven repository with two jars in it, on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requested: list[str] = []
        self.jars = [self._add(name) for name in COORDINATES]

    def _add(self, coordinates: str) -> jars.Jar:
        content = coordinates.encode() * 10_000
        jar = jars.Jar(coordinates, hashlib.sha256(content).hexdigest(), len(content))
        (self.path / jar.path).parent.mkdir(parents=True)
        (self.path / jar.path).write_bytes(content)
        return jar


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """Make the code under test use this repository, a lock of its jars and an empty cache."""
    made = Repository(tmp_path / "repository")
    lines = (f"{jar.coordinates} {jar.sha256} {jar.size}\n" for jar in made.jars)
    (tmp_path / "kafka.lock").write_text("".join(lines))

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            if self.path.endswith(".jar"):
                made.requested.append(self.path.rpartition("/")[2])

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=made.path)) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(jars, "repositories", lambda: {"central": url})
        monkeypatch.setattr(jars, "LOCK", tmp_path / "kafka.lock")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def test_lock_file_pins_kafka_with_hashes_and_sizes() -> None:
    """Each jar has coordinates, a SHA-256 and a size; Kafka has the version of the code."""
    pinned = jars.pinned()
    assert f"org.apache.kafka:kafka_2.13:{jars.VERSION}" in [jar.coordinates for jar in pinned]
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in pinned)


def test_jars_are_downloaded_once(repository: Repository) -> None:
    """The second run finds them in the cache and sends no request."""
    first = jars.classpath(Event())
    assert [path.name for path in first] == ["alpha-1.0.jar", "beta-2.1.jar"]
    assert jars.classpath(Event()) == first
    assert sorted(repository.requested) == ["alpha-1.0.jar", "beta-2.1.jar"]


def test_concurrent_starts_download_jars_once(repository: Repository) -> None:
    """One downloads, the others wait for it and get the same files."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: jars.classpath(Event()), range(4)))
    assert all(paths == found[0] for paths in found)
    assert sorted(repository.requested) == ["alpha-1.0.jar", "beta-2.1.jar"]


def test_incomplete_jar_is_downloaded_again(repository: Repository) -> None:
    """Half a jar is replaced; the complete ones beside it stay."""
    alpha, beta = jars.classpath(Event())
    next(jars.cache_directory().glob("*.complete")).unlink()
    beta.write_bytes(beta.read_bytes()[:1000])
    repository.requested.clear()
    assert jars.classpath(Event()) == [alpha, beta]
    assert repository.jars[1].intact(jars.cache_directory() / "jars")
    assert repository.requested == ["beta-2.1.jar"]


def test_jar_with_a_wrong_hash_is_rejected(repository: Repository) -> None:
    """The error names the jar, and the wrong file is removed."""
    (repository.path / repository.jars[0].path).write_bytes(b"something else")
    with pytest.raises(BrokerError, match=r"alpha-1\.0\.jar is not the file that was pinned"):
        jars.classpath(Event())
    assert not (jars.cache_directory() / "jars" / repository.jars[0].path).exists()


def test_failed_download_is_reported_in_one_line(repository: Repository) -> None:
    """The line names the jar and the reason."""
    (repository.path / repository.jars[0].path).unlink()
    with pytest.raises(BrokerError, match=r"can't download alpha-1\.0\.jar .*not found") as refused:
        jars.classpath(Event())
    assert "\n" not in str(refused.value)


def test_cancelled_download_stops_and_can_be_resumed(repository: Repository) -> None:
    """Ctrl-C need not wait for the rest; the next start downloads what is missing."""
    cancelled = Event()
    cancelled.set()
    with pytest.raises(BrokerError, match="stopped while downloading"):
        jars.classpath(cancelled)
    assert [path.exists() for path in jars.classpath(Event())] == [True, True]
    assert repository.requested
