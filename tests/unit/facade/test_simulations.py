"""`app.simulation`: records of a user's own source, for `up` and `produce`."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import pytest

import eventfold as ef
from eventfold.cli.up.feeds import Feeds
from eventfold.connectors.simulations import Simulation
from eventfold.windows.errors import DefinitionError

START = 1_700_000_000_000


class Visit(ef.Record):
    """Somebody saw a page."""

    page: str
    seconds: int
    time: int


VISITS = ef.Topic("visits", Visit, key="page")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ef.App:
    """Declare an application with a simulation of two pages; every fourth record is none."""
    monkeypatch.setenv("APP_DATADIR", str(tmp_path))
    app = ef.App("visits", set_as_current=False)

    @app.simulation(VISITS, rate=50)
    def site_visitors(random: Random, time: int) -> Visit | None:
        """Visits of two pages."""
        if random.random() < 0.25:
            return None
        return Visit(random.choice(["/a", "/b"]), random.randrange(60), time - 1_000)

    return app


def made(simulation: Simulation, seed: int = 1, count: int = 200) -> list[tuple[bytes, bytes, int]]:
    """Return the first records of a simulation."""
    return [record for _, record in islice(simulation.make(seed, 50, START), count)]


def test_records_are_keyed_and_come_at_the_rate(app: ef.App) -> None:
    """They are due one every 20 ms, whatever event time they have; None is left out."""
    simulation = app.simulations["site-visitors"]
    records = made(simulation)
    for key, value, due in records:
        visit = json.loads(value)
        assert (key.decode(), visit["time"]) == (visit["page"], due - 1_000)
    dues = [due for _, _, due in records]
    assert dues == sorted(dues)
    assert {(due - START) % 20 for due in dues} == {0}
    assert 200 < (dues[-1] - START) // 20 + 1 < 400
    assert made(simulation) == records != made(simulation, seed=2)


def test_up_describes_each_simulation_and_creates_its_topic(app: ef.App) -> None:
    """By the first line of its function's docstring."""
    feeds = Feeds(app.settings, app.simulations)
    assert feeds.describe() == {"site-visitors": "Visits of two pages, 50/s, topic visits"}
    assert [each.name for each in feeds.topics] == ["visits"]


def test_record_of_another_type_is_one_line(app: ef.App) -> None:
    """Where it is made, since no declaration can know."""

    @app.simulation(replace(VISITS))
    def wrong(_random: Random, time: int) -> dict[str, int]:
        return {"time": time}

    with pytest.raises(DefinitionError, match=r"^simulation wrong: .* is no record of visits$"):
        made(app.simulations["wrong"])


@pytest.mark.parametrize(
    ("topic", "rate", "name", "reason"),
    [
        ("visits", 5, "one", "sends to a Topic, not 'visits'"),
        (VISITS, 0, "one", "rate=0 is no number of records per second"),
        (VISITS, 5, "site_visitors", "there is a source 'site-visitors' already"),
        (VISITS, 5, "file", "there is a source 'file' already"),
    ],
)
def test_wrong_simulation_is_refused_in_one_line(
    app: ef.App, topic: ef.Topic, rate: float, name: str, reason: str
) -> None:
    """When it is declared."""

    def function(_random: Random, time: int) -> Visit:
        return Visit("/", 1, time)

    function.__name__ = name
    with pytest.raises(DefinitionError) as refused:
        app.simulation(topic, rate=rate)(function)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
