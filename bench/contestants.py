"""Contestants of the comparison and their commands.

Each is a separate program that reads its task from the environment (`environment_of`) and runs
until SIGTERM. tickstream is configured by its own settings.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bench.workloads import Workload
from eventfold.embedded.ports import free
from eventfold.windows import Window

REPOSITORY = Path(__file__).parents[1]
PEERS = REPOSITORY / "bench" / "peers"

#: Packages that only the floor needs (`make bench` installs them).
FLOOR_PACKAGES = REPOSITORY / ".venv" / "floor"

PARTITIONS = 3

#: Topics of tickstream, without the prefix of a run.
TICKS, CANDLES, TOP_GAINERS = "ticks", "candles", "top-gainers"


class UnavailableError(Exception):
    """A contestant can't be started on this machine; the message is the reason."""


class Run(NamedTuple):
    """One run; `name` is the application id or group, `source` and `output` are topics."""

    workload: Workload
    work: str
    bootstrap: str
    name: str
    source: str
    output: str
    ticks: int
    state: Path
    #: Commit, checkpoint and publish interval (ms).
    interval: int
    guarantee: str


@dataclass(frozen=True)
class Contestant:
    """A contestant; `command` may raise UnavailableError, ImportError or OSError."""

    name: str
    command: Callable[[], list[str]]
    environment: Callable[[Run], Mapping[str, str]] = lambda _: {}
    #: Its work in every workload; None for that of the workload.
    work: str | None = None
    threads: int = 1
    #: Suffix of the topic of its results for some work, if it has a fixed one.
    output: Callable[[str], str | None] = lambda _: None
    #: Whether it prints its progress on its standard output (bench/floor.py).
    reports_progress: bool = False
    #: Its version; may raise what `command` raises.
    version: Callable[[], str] = lambda: ""

    def environment_of(self, run: Run) -> dict[str, str]:
        """Return the whole environment of a run."""
        window = run.workload
        return {
            **os.environ,
            "BENCH_BOOTSTRAP": run.bootstrap,
            "BENCH_INPUT": run.source,
            "BENCH_OUTPUT": run.output,
            "BENCH_NAME": run.name,
            "BENCH_STATE": str(run.state),
            "BENCH_WORK": run.work,
            "BENCH_SIZE_MS": str(window.size),
            "BENCH_ADVANCE_MS": str(window.advance),
            "BENCH_GRACE_MS": str(window.grace),
            "BENCH_EMIT": window.emit,
            "BENCH_COMMIT_MS": str(run.interval),
            "BENCH_THREADS": str(self.threads),
            "BENCH_GUARANTEE": run.guarantee,
            "BENCH_TICKS": str(run.ticks),
            **self.environment(run),
        }


def tickstream_settings(run: Run, *, pipelines: str | None = None) -> dict[str, str]:
    """Return the settings of tickstream for a run."""
    window = run.workload
    settings = {
        "BROKER_URL": run.bootstrap,
        "TOPIC_PARTITIONS": str(PARTITIONS),
        "TICKSTREAM_APP_ID": run.name,
        # Each run is an application of its own, with outputs of its own.
        "TICKSTREAM_TOPIC_PREFIX": f"{run.name}.",
        "APP_DATADIR": str(run.state),
        "WEB_PORT": str(free()),
        "TICKSTREAM_WINDOWS": str(Window(window.size, window.advance)),
        "TICKSTREAM_GRACE": f"{window.grace}ms",
        "TICKSTREAM_PIPELINES": pipelines or window.pipelines,
        "TICKSTREAM_PUBLISH_INTERVAL": f"{run.interval}ms",
        "TICKSTREAM_CHECKPOINT_INTERVAL": f"{run.interval}ms",
    }
    if run.work == "filter":
        settings |= {"TICKSTREAM_MODULES": "bench.filtering", "PYTHONPATH": str(REPOSITORY)}
    return settings


def _tickstream() -> list[str]:
    return [str(Path(sys.executable).with_name("faust")), *["-A", "app", "worker", "-l", "warn"]]


def _tickstream_output(work: str) -> str | None:
    return {"windows": CANDLES, "top": TOP_GAINERS}.get(work)


def _candles_only(run: Run) -> dict[str, str]:
    return tickstream_settings(run, pipelines="candles")


def _floor() -> list[str]:
    if not FLOOR_PACKAGES.exists():
        raise UnavailableError("orjson is not installed: make bench does that")
    return [sys.executable, str(REPOSITORY / "bench" / "floor.py")]


def _kafka_streams() -> list[str]:
    return list(map(str, import_module("bench.peers.kafka_streams").command()))


def _kafka_version() -> str:
    pom = (PEERS / "kafka_streams" / "pom.xml").read_text(encoding="utf-8")
    found = re.search(r"<kafka\.version>(.*?)</", pom)
    return found[1] if found else ""


def _python_of(environment: str) -> str:
    return str(import_module("bench.peers.environments").python_of(environment))


def _python(name: str, program: str, package: str) -> Contestant:
    """Return a contestant in Python with an environment of its own."""

    def command() -> list[str]:
        path = PEERS / program
        if not path.exists():
            raise UnavailableError(f"there is no {path.relative_to(REPOSITORY)}")
        return [_python_of(name), str(path)]

    def version() -> str:
        ask = f"import importlib.metadata as m; print(m.version({package!r}))"
        words = [_python_of(name), "-c", ask]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return Contestant(name, command, version=version)


_CONTESTANTS = (
    Contestant(
        "tickstream",
        _tickstream,
        environment=tickstream_settings,
        output=_tickstream_output,
        version=lambda: version("tickstream"),
    ),
    # The baseline of the pipeline.
    Contestant(
        "tickstream-tumbling",
        _tickstream,
        environment=_candles_only,
        output=_tickstream_output,
        work="windows",
        version=lambda: version("tickstream"),
    ),
    Contestant("kafka-streams", _kafka_streams, version=_kafka_version),
    Contestant("kafka-streams-2", _kafka_streams, threads=2, version=_kafka_version),
    _python("quix", "quix.py", "quixstreams"),
    _python("bytewax", "bytewax_flow.py", "bytewax"),
    _python("flink", "flink.py", "apache-flink"),
    _python("faust", "stock_faust.py", "faust-streaming"),
    Contestant(
        "floor",
        _floor,
        environment=lambda _: {"PYTHONPATH": str(FLOOR_PACKAGES)},
        reports_progress=True,
        version=lambda: f"aiokafka {version('aiokafka')}",
    ),
)

CONTESTANTS = {each.name: each for each in _CONTESTANTS}
