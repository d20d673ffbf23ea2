"""The library alone, installed from its wheel: examples in an empty directory, on a real broker."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import truth
from confluent_kafka.admin import AdminClient
from workers import MINUTE, REPOSITORY, Market, Worker, until

EXAMPLES = REPOSITORY / "examples"

#: The windows of `site_visits.py`, and of `bike_stations.py`.
SIZE, ADVANCE = 5 * MINUTE, MINUTE

VISITS = 3_000
WINDOWS = 12

#: Value of a record.
Value = dict[str, Any]


def run(*command: object) -> str:
    """Run a command and return its output. Fails with its error output."""
    words = [str(part) for part in command]
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, and the versions of its requirements that are pinned here."""
    directory = tmp_path_factory.mktemp("wheel")
    options = "--quiet", "--disable-pip-version-check"
    offline = "--no-deps", "--no-build-isolation"
    # Of a copy: a build leaves files behind, which would be in the next wheel too.
    for part in "packaging", "eventfold":
        shutil.copytree(REPOSITORY / part, directory / part)
    build = "-m", "pip", "wheel", *options, *offline, "-w", directory, directory / "packaging"
    run(sys.executable, *build)
    [wheel] = directory.glob("eventfold-*.whl")
    pinned = directory / "constraints.txt"
    locked = (REPOSITORY / "requirements" / "app.txt").read_text()
    pinned.write_text("\n".join(re.findall(r"^[\w.-]+(?:\[\w+\])?==[^\s;]+", locked, re.MULTILINE)))
    venv.create(directory / "env", with_pip=True)
    python = directory / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", *options, "-c", pinned, wheel)
    return python


@pytest.mark.timeout(300)
def test_wheel_brings_nothing_of_the_application(python: Path, tmp_path: Path) -> None:
    """Neither `app` nor `agents` nor `tables` can be imported; the windows load no Faust."""
    code = (
        "import eventfold.windows, importlib.util as found, sys;"
        "print([each for each in ('app', 'agents', 'tables') if found.find_spec(each)],"
        " 'faust' in sys.modules)"
    )
    assert run(python, "-c", f"import os; os.chdir({str(tmp_path)!r}); {code}") == "[] False\n"


@pytest.mark.timeout(300)
def test_wheel_names_an_extra_that_is_not_installed(python: Path) -> None:
    """As pip has to be asked for it where there is no checkout."""
    code = "from eventfold.formats.form import AvroForm; AvroForm('views-value', object, {})"
    ended = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)
    line = "views-value: fastavro is not installed: pip install 'eventfold[avro]'\n"
    assert ended.stderr.endswith(f"DefinitionError: {line}")


@pytest.mark.timeout(300)
def test_wheel_has_the_client_which_names_its_extra(python: Path) -> None:
    """It is of no use without its packages, and loads no Faust before it says so."""
    code = "import eventfold.client"
    ended = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)
    line = "eventfold.client: httpx2 is not installed: pip install 'eventfold[client]'\n"
    assert ended.stderr.endswith(f"MissingExtraError: {line}")
    extras = "from importlib.metadata import metadata as of; print(of('eventfold').get_all(%r))"
    assert "'client'" in run(python, "-c", extras % "Provides-Extra")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("application", "variable", "reason"),
    [
        ("site_visits", "BROKER_URL=127.0.0.1:1", "no Kafka broker answers"),
        ("site_visits", "WEB_PORT=web", "WEB_PORT=web: "),
        ("nosuch", "F_CONSOLE_PORT=x", "-A nosuch is no Faust application"),
    ],
)
def test_command_on_the_wheel_ends_in_one_line(
    python: Path, tmp_path: Path, application: str, variable: str, reason: str
) -> None:
    """By the wheel's own script `faust`, which takes the place of Faust's."""
    name, _, value = variable.partition("=")
    ended = subprocess.run(
        [python.with_name("faust"), "-A", application, "topics"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES), name: value},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert reason in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def worker_of(example: str, python: Path, market: Market, directory: Path) -> Worker:
    """Return a worker of the wheel for an example, to be started in an empty directory."""
    application = f"{market.application}-{example}"
    worker = market.worker(PYTHONPATH=EXAMPLES, EVENTFOLD_APP_ID=application)
    worker.command_line = [str(python.with_name("faust")), "-A", example, "worker", "-l", "info"]
    worker.directory = directory
    return worker


def send(market: Market, topic: str, key: Callable[[Value], str], values: list[Value]) -> None:
    """Send values with the keys that a function makes of them."""
    market.send([(key(each), json.dumps(each).encode(), each["time"]) for each in values], topic)


def records(market: Market, topic: str) -> list[Value]:
    """Return the decoded values of a topic, partition by partition."""
    return [json.loads(message.value()) for message in truth.read(market.bootstrap, topic)]


def visits() -> list[Value]:
    """Make visits of five pages over 20 minutes, up to 30 s out of order."""
    chance = random.Random(1)
    begin = int(time.time() * 1000) - 21 * MINUTE
    return [
        {
            "page": f"page-{chance.randrange(5)}",
            "seconds": chance.randrange(600),
            "time": begin + number * 20 * MINUTE // VISITS - chance.randrange(30_000),
        }
        for number in range(VISITS)
    ]


def windows(made: list[Value]) -> dict[tuple[str, int], tuple[int, int, float]]:
    """Compute visits, longest and mean of each page and window by a naive loop."""
    seconds: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for visit in made:
        last = visit["time"] // ADVANCE * ADVANCE
        for start in range(last - SIZE + ADVANCE, last + 1, ADVANCE):
            seconds[visit["page"], start].append(visit["seconds"])
    return {each: (len(s), max(s), sum(s) / len(s)) for each, s in seconds.items()}


@pytest.mark.timeout(300)
def test_site_visits_run_on_the_wheel_and_create_only_their_own_topics(
    python: Path, market: Market, tmp_path: Path
) -> None:
    """Each window is right, across a restart, in an empty directory."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    before = set(admin.list_topics(timeout=30).topics)
    made = visits()
    expected = windows(made)

    def latest() -> dict[tuple[str, int], tuple[int, int, float]]:
        found = sorted(records(market, "page-times"), key=itemgetter("revision"))
        return {(e["page"], e["start"]): (e["visits"], e["longest"], e["mean"]) for e in found}

    with worker_of("site_visits", python, market, tmp_path) as worker:
        send(market, "visits", itemgetter("page"), made[: VISITS // 2])
        until(lambda: records(market, "page-times"))
        worker.restart()
        send(market, "visits", itemgetter("page"), made[VISITS // 2 :])
        until(lambda: latest() == expected)
        status, rows = worker.get("/api/windows/pages/page-3?window=5m/1m")
        counts = [expected[each][0] for each in sorted(expected) if each[0] == "page-3"]
        assert (status, [row["count"] for row in rows]) == (200, counts)

    listed = worker.command("topics", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    states = {row["topic"]: row["state"] for row in json.loads(listed.stdout)}
    topics = "visits", "page-times", "late-visits", "dead-letters", "tickstream-owners"
    assert states == dict.fromkeys(topics, "exists")

    application = worker.environment["EVENTFOLD_APP_ID"]
    created = set(admin.list_topics(timeout=30).topics) - before
    own = {each for each in created if not each.startswith("__")}
    assert own == {
        *topics,
        f"{application}-pages-changelog",
        f"{application}-__assignor-__leader",
    }


def statuses() -> list[Value]:
    """Make statuses of stations, two a window, which are often without a bike in both."""
    chance = random.Random(2)
    begin = int(time.time() * 1000) // SIZE * SIZE - (WINDOWS + 1) * SIZE
    return [
        {
            "city": city,
            "station": station,
            "bikes": chance.choice([0, 0, 0, 0, 0, 3]),
            "time": begin + half * SIZE // 2,
        }
        for half in range(2 * WINDOWS)
        for city in ("Bern", "Basel")
        for station in range(4)
    ]


def alerts(made: list[Value]) -> list[tuple[str, int, int]]:
    """Compute city, station and time of each third window in a row without a bike, naively."""
    most: defaultdict[tuple[str, int, int], int] = defaultdict(int)
    for each in made:
        window = each["city"], each["station"], each["time"] // SIZE
        most[window] = max(most[window], each["bikes"])
    found, empty = [], Counter()
    for city, station, window in sorted(most):
        place = city, station
        empty[place] = 0 if most[city, station, window] else empty[place] + 1
        if empty[place] == 3:
            found.append((*place, (window + 1) * SIZE - 1))
    return found


@pytest.mark.timeout(300)
def test_bike_stations_run_on_the_wheel(python: Path, market: Market, tmp_path: Path) -> None:
    """Windows closed by later statuses, keys of two fields, and a processor of their results."""
    made = statuses()
    expected = alerts(made)
    assert len(expected) > 3
    # They close the last windows.
    ends = [each | {"time": each["time"] + SIZE} for each in made[-8:]]

    def found() -> list[tuple[str, int, int]]:
        sent = records(market, "empty-stations")
        return sorted((each["city"], each["station"], each["time"]) for each in sent)

    with worker_of("bike_stations", python, market, tmp_path):
        send(market, "station-status", station_key, made + ends)
        until(lambda: found() == expected)


def station_key(status: Value) -> str:
    """Return Kafka's key of a status: a JSON array of its fields."""
    return json.dumps([status["city"], status["station"]], separators=(",", ":"))
