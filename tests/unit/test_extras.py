"""Optional packages of the library: loaded with their first use, and named if they are missing."""

import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from test_imports import loaded_by

from app.settings import Settings
from eventfold.connectors.targets import _NEEDED
from eventfold.embedded import jars
from eventfold.embedded.errors import BrokerError
from eventfold.engine.errors import StartError
from eventfold.extras import MissingExtraError, demand
from eventfold.formats.form import AvroForm
from eventfold.formats.start import SchemaError, find_all
from eventfold.kafka.hooks import VERSIONS
from eventfold.records.trades import Trade
from eventfold.security.passwords import hash_password
from eventfold.telemetry import traces
from eventfold.topology import Topology, to_tree
from eventfold.windows.errors import DefinitionError
from eventfold.worker.startup_checks import demand_protection

REPOSITORY = Path(__file__).parents[2]
OPTIONAL = ("sqlalchemy", "avro", "fastavro", "rich", "jgo", "cryptography", "opentelemetry")


def project(path: str) -> dict[str, object]:
    """Return the table `project` of a pyproject.toml."""
    project: dict[str, object] = tomllib.loads((REPOSITORY / path).read_text())["project"]
    return project


def test_worker_loads_no_optional_package() -> None:
    """Each worker and each command would pay for it."""
    assert loaded_by("import eventfold.worker.app").isdisjoint(OPTIONAL)


def jars_of_another_machine(tmp_path: Path) -> None:
    """Download Kafka."""
    jars._complete(tmp_path, jars.pinned()[:1], Event())


USES: dict[str, tuple[str, type[BaseException], str, Callable[[Path], object]]] = {
    "Avro": (
        "fastavro",
        DefinitionError,
        "trades-value: fastavro is not installed: pip install 'eventfold[avro]'",
        lambda _: AvroForm("trades-value", Trade, {}),
    ),
    "hash": (
        "cryptography",
        MissingExtraError,
        "hash of a password: cryptography is not installed: pip install 'eventfold[passwords]'",
        lambda _: hash_password("horse-battery"),
    ),
    "users": (
        "cryptography",
        StartError,
        "TICKSTREAM_WEB_USERS: cryptography is not installed: pip install 'eventfold[passwords]'",
        lambda _: demand_protection(Settings(TICKSTREAM_WEB_USERS="ann:read:password")),
    ),
    "tree": (
        "rich",
        MissingExtraError,
        "topology: rich is not installed: pip install 'eventfold[cli]'",
        lambda _: to_tree(Topology("visits", [], [])),
    ),
    "broker": (
        "jgo",
        BrokerError,
        (
            f"download of Apache Kafka {jars.VERSION}: jgo is not installed: "
            "pip install 'eventfold[embedded]'"
        ),
        jars_of_another_machine,
    ),
    "traces": (
        "opentelemetry.sdk",
        traces.TracesError,
        (
            "TICKSTREAM_TRACES=http://127.0.0.1:4318: opentelemetry.sdk is not installed: "
            "pip install 'eventfold[traces]'"
        ),
        lambda _: traces.start(Settings(TICKSTREAM_TRACES="http://127.0.0.1:4318")),
    ),
}


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as from an installed wheel."""
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.1.0")


@pytest.mark.parametrize("use", USES)
@pytest.mark.usefixtures("wheel")
def test_missing_extra_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, use: str
) -> None:
    """With what needs it, and what to install."""
    module, error, line, run = USES[use]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(error) as caught:
        run(tmp_path)
    assert str(caught.value) == line


@pytest.mark.usefixtures("wheel")
async def test_own_registry_names_the_library_that_compares_schemas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An external registry needs it not."""
    monkeypatch.setitem(sys.modules, "avro", None)
    form = AvroForm("trades-value", Trade, {"type": "record", "name": "Trade", "fields": []})
    monkeypatch.setattr("eventfold.formats.start.forms_of", lambda _: [form])
    with pytest.raises(SchemaError) as caught:
        await find_all([], Settings())
    line = "topic schemas: avro is not installed: pip install 'eventfold[avro]'"
    assert str(caught.value) == line


def test_checkout_installs_extras_of_its_own() -> None:
    """There is no package `eventfold` to be asked for."""
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[cli\]'$"):
        demand("there.is.none", "cli", "this")


def test_library_needs_nine_packages() -> None:
    """The application needs them as well, in the same versions."""
    ours, its = project("packaging/pyproject.toml"), project("pyproject.toml")
    assert len(ours["dependencies"]) <= 9
    pins = (re.split(r"\[.*\]==|==", each) for each in ours["dependencies"] if "==" in each)
    assert dict(pins) == VERSIONS
    assert set(ours["dependencies"]) <= set(its["dependencies"])


def test_extras_are_those_that_errors_name() -> None:
    """Of the wheel and of the checkout, and with the same packages."""
    ours = project("packaging/pyproject.toml")["optional-dependencies"]
    its = project("pyproject.toml")["optional-dependencies"]
    assert ours.items() <= its.items()
    code = "".join(path.read_text() for path in (REPOSITORY / "eventfold").rglob("*.py"))
    named = re.findall(r'demand\(\s*[\w".]+,\s*"(\w+)"', code)
    assert {*named, *(extra for needed in _NEEDED.values() for _, extra in needed)} == set(ours)


def test_checkout_has_all_that_it_uses_itself() -> None:
    """`make lock` pins the extras that the Makefile lists."""
    listed = re.search(r"^EXTRAS +=(.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    locked = (REPOSITORY / "requirements" / "app.txt").read_text()
    pinned = set(re.findall(r"^([\w-]+)==", locked, re.MULTILINE))
    extras = project("pyproject.toml")["optional-dependencies"]
    for extra in listed[1].split():
        for package in extras[extra]:
            assert re.match(r"[\w-]+", package)[0].lower() in pinned
