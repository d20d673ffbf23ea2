"""One real broker for all modules of a process; each finds it without topics."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.consumer import consumer, fetcher
from hypothesis import Phase, is_hypothesis_test, settings
from workers import Market, delete_topics

from eventfold.embedded import LocalBroker, ports
from eventfold.embedded import broker as embedded

# A mutant is killed by any example, and by the same ones each time (`make mutants`).
settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)


#: Share of their examples that property tests try in `make test`; `make fuzz` tries FUZZ times as
#: many as they name.
EXAMPLES = 0.4

#: Slow directories begin first, so that no single file is left running at the end.
LONG = ["chaos", "patterns", "faults", "broker", "attacks", "browser", "fuzz", "topology", "unit"]

# A test's broker lives for a minute: Java's second compiler costs twice what it would save later
# (11 s of processor time for a start and some records, 6 s without it).
embedded.FLAGS = (*embedded.FLAGS, "-XX:TieredStopAtLevel=1")


def pytest_configure() -> None:
    """Assign separate ports to parallel tests: those of a stopped broker stay its own.

    And let the processes that tests start keep their compiled code, as they do by default.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports.CHOICE = ports.CHOICE[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    if "MUTANTS_EXAMPLES" not in os.environ:
        # Without compiled code, each start of a worker or a command takes 0.4 CPU-seconds more.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow directories; set how many examples property tests try.

    A share of them; FUZZ times as many, new ones each time (`make fuzz`); MUTANTS_EXAMPLES at most
    (`make mutants`).
    """
    items.sort(key=lambda item: _rank(item.path))
    factor = float(os.environ.get("FUZZ", EXAMPLES))
    # A mutant is killed by one of a few examples, or by another test (`make mutants`).
    most = int(os.environ.get("MUTANTS_EXAMPLES", "0"))
    for test in {getattr(item, "obj", None) for item in items}:
        if is_hypothesis_test(test):
            usual = getattr(test, "_hypothesis_internal_use_settings", settings())
            examples = usual.max_examples
            examples = min(examples, most) if most else math.ceil(factor * examples)
            other = settings(usual, max_examples=examples, deadline=None)
            test._hypothesis_internal_use_settings = other


def _rank(path: Path) -> int:
    tests = Path(__file__).parent
    folder = path.relative_to(tests).parts[0] if path.is_relative_to(tests) else "examples"
    return LONG.index(folder) if folder in LONG else len(LONG)


@pytest.fixture(scope="module", autouse=True)
def own_client() -> Iterator[None]:
    """Restore the classes of aiokafka that a module replaced: the next one has plain clients."""
    places = [(fetcher, each) for each in ("FetchRequest", "PartitionRecords", "FetchResult")]
    with pytest.MonkeyPatch.context() as patch:
        for module, name in [*places, (consumer, "GroupCoordinator")]:
            patch.setattr(module, name, getattr(module, name))
        yield


@pytest.fixture(scope="session")
def _kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Run Apache Kafka for all modules of this process: a start costs as much as many tests."""
    with LocalBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def broker(_kafka: LocalBroker) -> LocalBroker:
    """Return a broker without the topics of the modules before, so without their offsets."""
    delete_topics(_kafka.bootstrap)
    return _kafka


@pytest.fixture(scope="module")
def bootstrap(broker: LocalBroker) -> str:
    """Return the broker's `host:port`."""
    return broker.bootstrap


@pytest.fixture(scope="module")
def market(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Return an application with clean topics, of a module that starts workers."""
    return Market(bootstrap, tmp_path_factory.mktemp("market"))
