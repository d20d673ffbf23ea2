"""The library alone, installed from its wheel into an empty environment, on a real broker."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections import Counter
from pathlib import Path

import pytest
import truth
from confluent_kafka.admin import AdminClient
from workers import MINUTE, REPOSITORY, Market, until

STREAM = REPOSITORY / "tests" / "own" / "page_views.py"

VIEWS = 3_000


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
        (STREAM.stem, "BROKER_URL=127.0.0.1:1", "no Kafka broker answers"),
        (STREAM.stem, "WEB_PORT=web", "WEB_PORT=web: "),
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
        env={**os.environ, "PYTHONPATH": str(STREAM.parent), name: value},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert reason in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


@pytest.mark.timeout(300)
def test_stream_of_thirty_lines_runs_on_the_wheel_and_creates_only_its_own_topics(
    python: Path, market: Market, tmp_path: Path
) -> None:
    """Each minute's views are counted, across a restart, in an empty directory."""
    admin = AdminClient({"bootstrap.servers": market.bootstrap})
    before = set(admin.list_topics(timeout=30).topics)
    now = int(time.time() * 1000)
    times = [now - 20 * MINUTE + number * 100 for number in range(VIEWS)]
    worker = market.worker(PYTHONPATH=STREAM.parent, EVENTFOLD_APP_ID=market.application)
    faust = str(python.with_name("faust"))
    worker.command_line = [faust, "-A", STREAM.stem, "worker", "-l", "info"]
    worker.directory = tmp_path

    with worker:
        send(market, times[: VIEWS // 2])
        until(lambda: truth.read(market.bootstrap, "views-by-minute"))
        worker.restart()
        send(market, times[VIEWS // 2 :])

        def counts() -> dict[int, int]:
            values = (
                json.loads(m.value()) for m in truth.read(market.bootstrap, "views-by-minute")
            )
            newest = sorted(values, key=lambda value: value["revision"])
            return {value["start"]: value["count"] for value in newest}

        expected = Counter(each // MINUTE * MINUTE for each in times)
        until(lambda: counts() == expected)
        status, rows = worker.get("/api/windows/page_views/home?window=1m")
        assert (status, [row["count"] for row in rows]) == (200, list(expected.values()))

    listed = worker.command("topics", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    states = {row["topic"]: row["state"] for row in json.loads(listed.stdout)}
    topics = "views", "views-by-minute", "dead-letters", "tickstream-owners"
    assert states == dict.fromkeys(topics, "exists")

    application = market.application
    created = set(admin.list_topics(timeout=30).topics) - before
    own = {each for each in created if not each.startswith("__")}
    assert own == {
        *topics,
        f"{application}-page_views-changelog",
        f"{application}-__assignor-__leader",
    }


def send(market: Market, times: list[int]) -> None:
    """Send a view of one page at each time (ms)."""
    views = (("home", json.dumps({"page": "home", "time": t}).encode(), t) for t in times)
    market.send(views, "views")
