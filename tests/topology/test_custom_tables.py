"""Custom tables of every window definition: their results do not depend on worker failures."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from sensors import Reading, Sensors, Total, declare
from worker_scenarios import LATER, SCENARIOS, Scenario, play

from app.market.records import Tick
from app.settings import Settings
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import EmitStrategy, every_change, on_close


class Kind(NamedTuple):
    """A window definition, and the fields that identify one window of a key."""

    windows: str
    identity: tuple[str, ...] = ("start", "end")
    emit: EmitStrategy | None = None


#: A session's end moves, and several count windows may begin at one instant: neither identifies.
KINDS = {
    "tumbling": Kind("5m"),
    "hopping, on close": Kind("15m/1m", emit=on_close()),
    "tumbling, every change": Kind("1m", emit=every_change()),
    "sliding": Kind("5m/event~1s"),
    "sliding, on close": Kind("5m/event~1s", emit=on_close()),
    "cumulate": Kind("cumulate 1h 15m"),
    "day": Kind("day Europe/Berlin"),
    "session": Kind("session 2m", ("start",)),
    "session, every change": Kind("session 2m", ("start",), every_change()),
    "count": Kind("count 3/2", ("first_offset", "partition")),
}


class CustomTable(NamedTuple):
    """A custom table of a kind."""

    kind: Kind
    sensors: Sensors

    def window(self, total: Total) -> tuple[object, ...]:
        """Return the identity of a result's window."""
        return (total.sensor, *(getattr(total, name) for name in self.kind.identity))


@pytest.fixture(scope="module", params=KINDS)
def custom(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CustomTable:
    """Declare a table of a kind."""
    kind = KINDS[request.param]
    conf = Settings(APP_DATADIR=tmp_path_factory.mktemp("own"))
    options = {"windows": kind.windows, "emit": kind.emit}
    return CustomTable(kind, declare(conf, grace="5m", retention="8d", **options))


@settings(max_examples=15)
@given(SCENARIOS)
def test_results_do_not_depend_on_worker_failures(custom: CustomTable, scenario: Scenario) -> None:
    """Results are those of a run without failures; final ones are published once."""
    undisturbed = outcome(custom, scenario._replace(steps=[], commit_time=0))
    assert outcome(custom, scenario) == undisturbed


def outcome(custom: CustomTable, scenario: Scenario) -> dict[str, Any]:
    """Play a scenario; return the records that a reader of all topics has in the end."""
    app, readings, totals, late, table = custom.sensors

    def pipe(driver: TopologyDriver, tick: Tick | bytes) -> None:
        if isinstance(tick, bytes):
            driver.pipe_raw(readings, tick, tick)
        else:
            driver.pipe(readings, Reading(tick.symbol, tick.size, tick.time))

    with TopologyDriver(app, partitions=2, start=LATER, commit_time=scenario.commit_time) as driver:
        play(driver, scenario, pipe)
        return {
            "totals": last_of(custom, driver.topic(totals)),
            "late": sorted(map(repr, driver.topic(late))),
            "dead": sorted((d.partition, d.offset) for d in driver.topic(DEAD_LETTERS)),
            "answers": {name: table.rows_of(name) for name in table.keys()},  # noqa: SIM118
        }


def last_of(custom: CustomTable, totals: list[Total]) -> dict[tuple[object, ...], Total]:
    """Return the last result of each window, without retracted sessions.

    Nothing is published of a window after its final result; only a retracted session (a final
    result of no records) may begin anew.
    """
    last: dict[tuple[object, ...], Total] = {}
    for each in totals:
        before = last.get(custom.window(each))
        if before is not None:
            assert not before.final or not before.count, (before, each)
            assert before.revision < each.revision or before == each
        last[custom.window(each)] = each
    return {window: each for window, each in last.items() if each.count}
