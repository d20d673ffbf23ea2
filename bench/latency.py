"""How long a tick takes until a result that reflects it can be read, beside other frameworks.

Open loop: a schedule says when each tick is due, and latency counts from then, whatever held the
sender, the broker or the contestant up. It ends when a `read_committed` reader of the output
topic has received the first result that reflects the tick. The work: windows of 5 min with a
changelog, commit and publication every 50 ms, exactly once. Broker, load and reader share one
core, the contestant has the other.

usage: latency.py [--rates 1000 20000 50000] [--seconds 30] [--warm-up 12] [--interval 50]
                  [--contestants tickstream kafka-streams quix] [--json FILE] [--logs DIRECTORY]

A contestant that is not installed is reported with its reason, and the rest goes on.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
import psutil
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.embedded.ports import free
from bench.scene import Scene
from bench.schedule import REPOSITORY, Schedule, Sender, tick
from bench.visible import WINDOW, Reader, appended
from bench.watching import pin

PARTITIONS, INPUT, OUTPUT = 3, "ticks", "candles"

#: Ms that windows wait for what is late, of which there is nothing.
GRACE = 300_000

#: Cores: of broker, load and reader; of the contestant.
OURS, THEIRS = 0, 1

#: Symbols sent before the load: with results of all of them a contestant has begun.
PROBES = [f"PROBE{number}" for number in range(12)]

#: Seconds that a contestant may take to begin, to show the last tick, and to stop.
BEGIN, DRAIN, STOP = 90.0, 15.0, 15.0

#: Ms after which a tick that is not in its topic was sent late.
LATE = 20.0


@dataclass(frozen=True)
class Figures:
    """What one contestant did at one rate; times in ms. Infinite: not reflected at all."""

    contestant: str
    rate: int
    ticks: int
    p50: float
    p99: float
    p999: float
    longest: float
    #: How many ticks no result reflected in time.
    unseen: int
    #: Processor seconds a second, while the ticks that count were sent: of the contestant, of the
    #: broker, of load and reader. And of strangers: the more of that, the less the times mean.
    cores: float
    broker: float
    load: float
    others: float
    #: From when ticks were due until the broker had them: the load's own share.
    sent_p99: float
    #: The fraction of ticks that the broker had later than LATE.
    sent_late: float


def main() -> None:
    """Measure, print a line each, write all of them."""
    args = _arguments()
    rows: list[Figures] = []
    missing: dict[str, str] = {}
    interval = f"{args.interval}ms"
    settings = {"TICKSTREAM_PUBLISH_INTERVAL": interval, "TICKSTREAM_CHECKPOINT_INTERVAL": interval}
    with Scene(partitions=PARTITIONS, windows="5m", **settings) as scene:
        scene.configure(INPUT, message_timestamp_type="LogAppendTime")
        pin(scene.broker.pid, OURS)
        os.sched_setaffinity(0, {OURS})
        print(_head())
        for name in args.contestants:
            try:
                command = CONTESTANTS[name]()
            except Exception as error:  # noqa: BLE001  # whatever is missing of it
                missing[name] = f"{type(error).__name__}: {error}"
                print(f"{name}: not here: {missing[name]}", flush=True)
                continue
            for rate in args.rates:
                schedule = Schedule(rate, args.seconds, args.warm_up)
                try:
                    rows.append(_measure(scene, name, command, schedule, args))
                except (RuntimeError, TimeoutError) as error:
                    missing[f"{name} at {rate:,}"] = str(error)
                    print(f"{name} at {rate:,}: {error}", flush=True)
                else:
                    print(_line(rows[-1]), flush=True)
    args.json.parent.mkdir(exist_ok=True)
    text = {"interval": args.interval, "figures": list(map(asdict, rows)), "missing": missing}
    args.json.write_text(json.dumps(text, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 20_000, 50_000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=12.0)
    parser.add_argument("--interval", type=int, default=50, help="of commits, ms")
    names = list(CONTESTANTS)
    parser.add_argument("--contestants", nargs="+", choices=names, default=names)
    parser.add_argument("--json", type=Path, default=Path("bench/results/latency.json"))
    parser.add_argument("--logs", type=Path, help="where to keep what contestants log")
    return parser.parse_args()


# -- contestants


def _tickstream() -> list[str]:
    return [str(Path(sys.executable).with_name("faust")), "-A", "app", "worker", "-l", "warn"]


def _kafka_streams() -> list[str]:
    from bench.peers import kafka_streams  # noqa: PLC0415  # it may not be here

    return list(map(str, kafka_streams.command()))


def _quix() -> list[str]:
    from bench.peers import environments  # noqa: PLC0415  # it may not be here

    program = Path(environments.__file__).with_name("quix.py")
    return [str(environments.python_of("quix")), str(program)]


CONTESTANTS: dict[str, Callable[[], list[str]]] = {
    "tickstream": _tickstream,
    "kafka-streams": _kafka_streams,
    "quix": _quix,
}


def _environment(scene: Scene, name: str, state: Path, interval: int) -> dict[str, str]:
    """Give what contestants are told, each by the names it knows."""
    return {
        **os.environ,
        **scene.environment,
        "BROKER_URL": scene.bootstrap,
        "TICKSTREAM_APP_ID": name,
        "APP_DATADIR": str(state),
        "WEB_PORT": str(free()),
        "BENCH_BOOTSTRAP": scene.bootstrap,
        "BENCH_INPUT": INPUT,
        "BENCH_OUTPUT": OUTPUT,
        "BENCH_NAME": name,
        "BENCH_STATE": str(state),
        "BENCH_WORK": "windows",
        "BENCH_SIZE_MS": str(WINDOW),
        "BENCH_ADVANCE_MS": str(WINDOW),
        "BENCH_GRACE_MS": str(GRACE),
        "BENCH_EMIT": "updates",
        "BENCH_COMMIT_MS": str(interval),
        "BENCH_THREADS": "1",
        "BENCH_GUARANTEE": "exactly_once",
    }


# -- one run


def _measure(
    scene: Scene, name: str, command: list[str], schedule: Schedule, args: argparse.Namespace
) -> Figures:
    """Run a contestant under a schedule.

    Raises RuntimeError where it ends by itself, TimeoutError where it does not begin.
    """
    _empty(scene.bootstrap, INPUT)
    reader = Reader(scene.bootstrap, OUTPUT)
    run = f"{name}-{schedule.rate}"
    log = scene.directory / f"{run}.log"
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state:
            environment = _environment(scene, run, Path(state), args.interval)
            with _running(command, environment, log) as process:
                _begin(scene.bootstrap, reader, process)
                start, shares = _load(scene, reader, process, schedule)
    except (RuntimeError, TimeoutError) as error:
        raise RuntimeError(f"{error}\n{log.read_text(errors='replace')[-2_000:]}") from error
    finally:
        reader.close()
        if args.logs:
            args.logs.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, args.logs)
    ticks = reader.latencies(appended(scene.bootstrap, INPUT, schedule.ticks(start)))
    return _figures(name, schedule.rate, ticks.filter("counts"), shares)


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Popen]:
    """Run a contestant on its core; it is asked to stop at the end."""
    with log.open("wb") as file:
        os.sched_setaffinity(0, {THEIRS})  # inherited, so all its threads have it from the start
        process = psutil.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
        os.sched_setaffinity(0, {OURS})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


def _begin(bootstrap: str, reader: Reader, process: psutil.Popen) -> None:
    """Wait until the contestant has shown a tick of each probe."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "log_level": 2}
    )
    for symbol in PROBES:
        producer.produce(INPUT, tick(symbol, 1.0, 1, int(time.time() * 1000)), symbol)
    producer.flush()
    deadline = time.monotonic() + BEGIN
    while {symbol for symbol, _ in reader.counts} < set(PROBES):
        _demand(process)
        if time.monotonic() > deadline:
            raise TimeoutError(f"no results after {BEGIN:.0f} s")
        reader.read(0.2)


def _load(
    scene: Scene, reader: Reader, process: psutil.Popen, schedule: Schedule
) -> tuple[float, list[float]]:
    """Send the ticks and read results until all are seen, or DRAIN has passed.

    Gives when the first tick was due (s since the epoch), and the cores that the contestant, the
    broker, load and reader, and strangers had.
    """
    with Sender(scene.bootstrap, INPUT, schedule) as sender:
        parts = [[process]]
        parts += [[psutil.Process(scene.broker.pid)], [psutil.Process(), sender.process]]
        while time.time() < sender.start + schedule.warm_up:
            reader.read(0.05)
        before = _used(parts)
        while time.time() < sender.start + schedule.warm_up + schedule.seconds:
            reader.read(0.05)
            _demand(process)
        shares = [
            round((now - then) / schedule.seconds, 3)
            for then, now in zip(before, _used(parts), strict=True)
        ]
        while sender.running:
            reader.read(0.05)
    deadline = time.time() + DRAIN
    total = schedule.count + len(PROBES)
    while sum(reader.counts.values()) < total and time.time() < deadline:
        for _ in range(20):
            reader.read(0.05)
        _demand(process)
    return sender.start, shares


def _used(parts: list[list[psutil.Process]]) -> list[float]:
    """Give the processor seconds of each part, and those of strangers."""
    machine = psutil.cpu_times()
    known = [sum(sum(each.cpu_times()[:2]) for each in part) for part in parts]
    return [*known, machine.user + machine.nice + machine.system - sum(known)]


def _demand(process: psutil.Popen) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"the contestant ended with {process.returncode}")


def _figures(name: str, rate: int, ticks: pl.DataFrame, shares: list[float]) -> Figures:
    late = (ticks["appended"] - ticks["due"]) * 1000
    seen = ((ticks["seen"] - ticks["due"]) * 1000).fill_null(math.inf)
    return Figures(
        contestant=name,
        rate=rate,
        ticks=len(ticks),
        **{at: _quantile(seen, q) for at, q in QUANTILES.items()},
        longest=round(seen.max(), 1),
        unseen=ticks["seen"].null_count(),
        **dict(zip(("cores", "broker", "load", "others"), shares, strict=True)),
        sent_p99=_quantile(late, 0.99),
        sent_late=round((late > LATE).mean(), 6),
    )


QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def _quantile(series: pl.Series, quantile: float) -> float:
    return round(series.quantile(quantile, "higher"), 1)


def _empty(bootstrap: str, topic: str) -> None:
    """Delete the records of a topic: who starts from the earliest starts here."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    partitions = [TopicPartition(topic, number, -1) for number in range(PARTITIONS)]  # -1: all
    for future in admin.delete_records(partitions).values():
        future.result(30)


def _head() -> str:
    return (
        "| contestant | ticks/s | p50 | p99 | p99.9 | longest (ms) | unseen | cores "
        "| broker | load | others | sent: p99 (ms) | late |\n|" + "---|" * 13
    )


def _line(row: Figures) -> str:
    cells = [
        *(row.contestant, f"{row.rate:,}", row.p50, row.p99, row.p999, row.longest),
        f"{row.unseen:,}",
        *(f"{share:.2f}" for share in (row.cores, row.broker, row.load, row.others)),
        *(row.sent_p99, f"{row.sent_late:.2%}"),
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
