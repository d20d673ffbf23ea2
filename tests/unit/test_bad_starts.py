"""Invalid environments and command lines: each ends with one line that names cause and remedy.

Every case of a start is a process of its own, as a user starts it, and none needs a broker. They
run a few at once before the first test. A process takes as long as a hundred readings of the
environment, so a bad value is a start once for each command, and read here otherwise.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from app.settings import Settings
from eventfold.embedded import ports
from eventfold.environment import SettingsError

REPOSITORY = Path(__file__).parents[2]
VARIABLES = Settings.variables()
#: An address that nothing listens on.
NO_LISTENER = "127.0.0.1:1"
AT_ONCE = 3
OTHER_HOST = "203.0.113.7"


class Case(NamedTuple):
    """Variables (`NAME=VALUE ...`, where `~` is a blank), arguments, and texts of the last line."""

    environment: str
    arguments: str
    expected: tuple[str, ...]
    code: int = 1

    def variables(self) -> Iterator[tuple[str, str]]:
        """Yield names and values of the variables."""
        for assignment in self.environment.split():
            name, _, value = assignment.partition("=")
            yield name, value.replace("~", " ")


def variable(assignment: str, *expected: str, command: str = "worker") -> Case:
    """Return the case of one bad variable, whose name the last line begins with."""
    return Case(assignment, f"-A app {command}", (assignment.partition("=")[0], *expected))


def others() -> dict[str, str]:
    """Return the variables of this process that are no settings."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def usage(arguments: str, *expected: str) -> Case:
    """Return the case of arguments that make no sense."""
    return Case("", arguments, expected, code=2)


#: Environments that can't be read.
VALUES = [
    # Names that are no settings.
    variable("TICKSTREAM_PIPELINE=candles", "did you mean TICKSTREAM_PIPELINES?"),
    variable("TICKSTREAM_WEB_PORT=7000", "did you mean WEB_PORT?"),
    # Values that can't be read.
    variable("TICKSTREAM_GRACE=0s", "longer than nothing"),
    variable("TICKSTREAM_WINDOWS=5m/2m,7q", "7q"),
    variable("TICKSTREAM_DAY=Mars", "not an IANA time zone such as America/New_York"),
    variable("TICKSTREAM_SURGE=nan", "finite"),
    variable("TICKSTREAM_TRACES=yes", "off|console|https?"),
    variable("TICKSTREAM_APP_ID=a~b", "pattern"),
    variable("TICKSTREAM_MAX_RECORD_BYTES=1000", "500000"),
    variable("TOPIC_PARTITIONS=1000000", "less than or equal to 10000"),
    variable("CONSUMER_GROUP_INSTANCE_ID=w~1", "pattern"),
    variable("BROKER_MAX_POLL_INTERVAL=never", "valid number"),
    variable("BROKER_SESSION_TIMEOUT=inf", "finite number"),
    variable("TICKSTREAM_WEB_TOKEN=short", "16 characters"),
    variable("TICKSTREAM_WEB_USERS=ann", "NAME:read:PASSWORD"),
    variable("TICKSTREAM_WEB_PROXIES=10.0.0.0/99", "10.0.0.0/99"),
    variable("TICKSTREAM_KAFKA_SECURITY_PROTOCOL=TLS", "'SASL_SSL'"),
    # Addresses.
    variable("BROKER_URL=kafka://", "HOST:PORT"),
    variable("BROKER_URL=[::1]:port", "no port from 1 to 65535"),
    variable("BROKER_URL=a:99999", "no port from 1 to 65535"),
    variable("BROKER_URL=[nonsense]:9092", "[ADDRESS]:PORT"),
    variable("BROKER_URL=kafka://a:1,http://b:2", "its scheme is kafka://, or none"),
    variable("BROKER_URL=a~b", "HOST:PORT"),
    variable("WEB_PORT=99999", "less than or equal to 65535"),
    variable("WEB_HOST=a~b", "a name or an address"),
    variable("WEB_HOST=http://host", "a name or an address"),
    variable("WEB_BIND=127.0.0.1:6066", "the port is WEB_PORT"),
    # Values that do not go together.
    variable("TICKSTREAM_CHECKPOINT_INTERVAL=10s", "TICKSTREAM_TRANSACTION_TIMEOUT=10s"),
    variable("TICKSTREAM_RETENTION=1m", "TICKSTREAM_RETENTION"),
    Case(
        "TICKSTREAM_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        "",
        ("TICKSTREAM_KAFKA_SASL_USERNAME has to be set",),
    ),
]

#: Starts of a process.
CASES = [
    # Names that are no settings, and values that can't be read or do not go together.
    variable("TICKSTREAM_GRCE=5m", "did you mean TICKSTREAM_GRACE?"),
    variable("tickstream_windws=1m", "did you mean TICKSTREAM_WINDOWS?", command="topics"),
    variable("TICKSTREAM_XYZZY=1", "unset it", command="settings"),
    variable("TICKSTREAM_GRACE=soon", "'soon' is not a duration such as 500ms"),
    variable("TICKSTREAM_RETENTION=8", "duration", command="consume"),
    variable("TICKSTREAM_CHART_URL=https://host/chart", "ticker", command="produce"),
    variable("TICKSTREAM_RULES_URL=mysql://host/rules", "sqlite|postgresql", command="rules"),
    variable("TICKSTREAM_SECRETS_DIR=/no/such/directory", "no such directory"),
    variable("BROKER_URL=ann:hush@host:1", "TICKSTREAM_KAFKA_SASL_USERNAME"),
    variable("BROKER_HEARTBEAT_INTERVAL=6", "shorter than BROKER_SESSION_TIMEOUT=6"),
    Case(
        "TICKSTREAM_KAFKA_SECURITY_PROTOCOL=SSL TICKSTREAM_KAFKA_SSL_CAFILE=/no/such.pem",
        "-A app topics",
        ("TICKSTREAM_KAFKA_SSL_CAFILE=/no/such.pem: ", "No such file"),
    ),
    # Modules.
    variable("TICKSTREAM_PIPELINES=candels", "there is no pipeline 'candels'", "candles"),
    variable("TICKSTREAM_MODULES=nosuch", "there is no module 'nosuch'", "PYTHONPATH"),
    variable("TICKSTREAM_MODULES=raises", "raises.py:3", "ZeroDivisionError"),
    variable("TICKSTREAM_MODULES=lacks", "No module named 'nosuch'", "lacks.py:2"),
    variable("TICKSTREAM_MODULES=half_written", "half_written.py", command="topics"),
    # This machine.
    variable("WEB_PORT=TAKEN", "another program uses it", "set another WEB_PORT"),
    variable(f"WEB_BIND={OTHER_HOST}", "TICKSTREAM_WEB_OPEN=true"),
    Case(
        f"WEB_BIND={OTHER_HOST} TICKSTREAM_WEB_OPEN=true",
        "-A app worker",
        ("WEB_BIND=", "address of"),
    ),
    variable("APP_DATADIR=A_FILE", "can't be used", "name a directory"),
    variable("APP_DATADIR=A_FILE/below", "can't be used", "name a directory"),
    # No broker: each name is accepted, and so are values that Faust alone would reject.
    variable("BROKER_URL=127.0.0.1:1", "no Kafka broker answers", "set BROKER_URL"),
    variable("BROKER_URL=127.0.0.1:1,~kafka://127.0.0.1:2/", "no Kafka broker answers"),
    variable("BROKER_URL=[::1]", "no Kafka broker answers"),
    # A program listens there, and never answers.
    *(
        variable("BROKER_URL=127.0.0.1:TAKEN", "no Kafka broker answers", command=command)
        for command in ("worker", "produce --count 1", "consume --topic ticks", "send ticks {}")
    ),
    variable("BROKER_URL=no.such.host.invalid", "no Kafka broker answers"),
    Case("WEB_HOST=::1", "-A app worker", ("BROKER_URL",)),
    Case("APP_VERSION=1.4.2 BROKER_CREDENTIALS=SASL_SSL", "-A app worker", ("BROKER_URL",)),
    Case("FAUST_WEB_PORT=none F_CONSOLE_PORT=x", "-A app worker", ("BROKER_URL",)),
    Case("PYTHONIOENCODING=latin-1", "-A app worker -l info", ("BROKER_URL",)),
    Case("TICKSTREAM_LOG_FORMAT=json", "-A app worker", ("BROKER_URL",)),
    Case("TICKSTREAM_PORT=tcp://10.0.0.1:80", "-A app topics", ("BROKER_URL",)),
    Case("", "-A app produce --source simulator", ("BROKER_URL",)),
    Case("", "-A app reset", ("BROKER_URL",)),
    Case("", "-A app send nosuch 1", ("BROKER_URL",)),
    Case("", "-A app top --once", ("--url",)),
    # Command lines.
    usage("-A nosuch worker", "-A nosuch", "-A app"),
    usage("-A app.nosuch worker", "-A app.nosuch", "-A app"),
    usage("worker", "-A"),
    usage("-A app nosuch", "nosuch"),
    usage("-A app worker --nosuch", "--nosuch"),
    usage("-A app worker --loglevel loud", "--loglevel"),
    usage("-A app worker --web-port web", "--web-port"),
    usage("-A app worker --web-port 7000", "--web-port", "set WEB_PORT=7000"),
    usage("-A app worker --web-host 10.0.0.1", "--web-host", "set WEB_HOST=10.0.0.1"),
    usage("-A app worker --web-bind 0.0.0.0", "--web-bind", "WEB_BIND=0.0.0.0"),
    usage("-A app send", "ENTITY"),
    usage("-A app produce --rate fast", "--rate"),
    usage("-A app produce --interval never", "--interval"),
    usage("-A app explain ACME", "START"),
    usage("-A app broker --port 0", "--port"),
    usage("-A app top --url nothing://", "--url"),
]

#: Modules of a user that can't be imported.
MODULES = {
    "raises": "import json\n\n1 / 0\n",
    "lacks": "import json\nimport nosuch\n",
    "half_written": "from app.worker import app\n\ndef (\n",
}


@dataclass(frozen=True)
class Ending:
    """End of a process: exit code, what it wrote, processor time (s)."""

    code: int
    text: str
    seconds: float

    @property
    def last_line(self) -> str:
        """The last line that it wrote."""
        return self.text.splitlines()[-1] if self.text else ""


class Starts:
    """Runs the cases in a directory that has what they name: a file, modules, a port in use."""

    def __init__(self, directory: Path, taken: int) -> None:
        self.directory = directory
        self.taken = taken
        (directory / "file").write_text("no directory")
        for name, text in MODULES.items():
            (directory / f"{name}.py").write_text(text)

    def run(self, numbered: tuple[int, Case]) -> Ending:
        """Run one case to its end."""
        number, case = numbered
        own = {
            "BROKER_URL": NO_LISTENER,
            "WEB_PORT": str(ports.free()),
            "APP_DATADIR": str(self.directory / f"data-{number}"),
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{self.directory}",
        }
        log = self.directory / f"{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("faust"), *case.arguments.split()],
                cwd=self.directory,
                env=others() | own | {name: self._value(text) for name, text in case.variables()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = usage.ru_utime + usage.ru_stime
        return Ending(process.returncode, log.read_text("utf-8", "replace"), seconds)

    def _value(self, text: str) -> str:
        words = {"TAKEN": str(self.taken), "A_FILE": str(self.directory / "file")}
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> list[Ending]:
    """Run all cases, a few at once."""
    with socket.create_server((ports.HOST, 0)) as other:
        starts = Starts(tmp_path_factory.mktemp("starts"), other.getsockname()[1])
        begun = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(starts.run, enumerate(CASES)))
        slowest = max(range(len(found)), key=lambda number: found[number].seconds)
        print(  # noqa: T201  # to find out why the suite takes longer
            f"{len(found)} starts in {time.monotonic() - begun:.0f} s, the slowest "
            f"{found[slowest].seconds:.1f} s of processor time: {CASES[slowest]}"
        )
    return found


@pytest.mark.parametrize("case", VALUES, ids=[case.environment for case in VALUES])
def test_invalid_environment_is_reported_in_one_line_that_names_cause_and_remedy(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start ends with this line, as the cases below do."""
    monkeypatch.setattr(os, "environ", others() | dict(case.variables()))
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    message = str(caught.value)
    assert "\n" not in message
    for words in case.expected:
        assert words in message


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(len(CASES)), ids=[" ".join(c[:2]).strip() for c in CASES])
def test_invalid_start_ends_with_one_line_that_names_cause_and_remedy(
    number: int, endings: list[Ending]
) -> None:
    """With an exit code that is not 0, without a traceback."""
    case, ending = CASES[number], endings[number]
    assert ending.code == case.code, ending.text
    for words in case.expected:
        assert words in ending.last_line, ending.text
    for words in ("Traceback", '  File "', "never awaited", "never retrieved"):
        assert words not in ending.text


def test_no_error_shows_a_password(endings: list[Ending]) -> None:
    """Also where it is part of an address."""
    assert not [ending.text for ending in endings if "hush" in ending.text]


def test_the_table_has_more_than_sixty_cases() -> None:
    """No two are the same."""
    assert len({case[:2] for case in [*VALUES, *CASES]}) == len(VALUES) + len(CASES) > 60
