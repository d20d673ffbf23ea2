"""The checker of chaos finds corrupt results, and no problem in correct ones.

The topics are those that the product's own pipeline writes in a driver, then corrupted.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import chaos_input
import pytest
from all_topics import ALL
from chaos_check import OUTPUTS, Record, Topics, check, truth_of
from chaos_plan import plan
from chaos_truth import Truth

from app import app
from app.market.topics import TICKS
from eventfold.testing import TopologyDriver
from tables.candles import candles
from tables.closes import closes
from tables.days import days
from tables.gainers import gainers
from tables.surges import surges
from tables.trends import trends

PLAN = replace(plan(1), symbols=12, rate=100, step=2_000)

#: An instant at which all ticks are in the past.
LATER = chaos_input.MIDNIGHT + 100 * 86_400_000

TABLES = [candles, days, gainers, surges, closes, trends]

Corruption = Callable[[list[Record]], list[Record]]


@pytest.fixture(scope="module")
def topics() -> Topics:
    """Return all topics after a run with a crash in it."""
    with TopologyDriver(app, tables=TABLES, start=LATER) as driver:
        records = list(chaos_input.records(PLAN))
        for number, (key, value) in enumerate(records):
            driver.pipe_raw(TICKS, key.encode(), value)
            if number % 100 == 0:
                driver.advance("400ms")
            if number == len(records) // 2:
                driver.crash()
        driver.settle()
        for key, value in chaos_input.closing(PLAN):
            driver.pipe_raw(TICKS, key.encode(), value)
        driver.settle()
        known = {topic.name: topic for topic in ALL}
        return {
            name: [
                Record(r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
                for r in driver.records(known[name])
            ]
            for name in ("ticks", *OUTPUTS)
        }


@pytest.fixture(scope="module")
def right(topics: Topics) -> Truth:
    """Return the truth of the ticks."""
    return truth_of(topics["ticks"])


def changed(record: Record, **fields: object) -> Record:
    """Return a record with other fields in its value."""
    return record._replace(value=json.dumps({**record.json, **fields}).encode())


def index(records: list[Record], **fields: object) -> int:
    """Return the index of the first record that has these fields."""
    return next(i for i, r in enumerate(records) if fields.items() <= r.json.items())


def edit(which: dict, **fields: object) -> Corruption:
    """Change the first record that has the fields `which`."""

    def corrupt(records: list[Record]) -> list[Record]:
        at = index(records, **which)
        return [*records[:at], changed(records[at], **fields), *records[at + 1 :]]

    return corrupt


def without(**which: object) -> Corruption:
    """Leave out the first record that has these fields."""

    def corrupt(records: list[Record]) -> list[Record]:
        at = index(records, **which)
        return records[:at] + records[at + 1 :]

    return corrupt


def duplicate(**which: object) -> Corruption:
    """Append a copy of the first record that has these fields."""
    return lambda records: [*records, records[index(records, **which)]]


def test_checker_accepts_correct_results(topics: Topics, right: Truth) -> None:
    """All of it was compared: windows, finals, rankings of two days or more, late, dead letters."""
    verdict = check(topics, right)
    assert verdict.problems == []
    assert verdict.windows > 1_500
    assert verdict.finals > 1_500
    assert verdict.rankings > 5
    assert all(topics[name] for name in OUTPUTS)
    assert {each.json["table"] for each in topics["ticks-late"]} == {"candles", "days"}


@pytest.mark.parametrize(
    ("topic", "corrupt", "problem"),
    [
        ("candles", duplicate(final=False), "candles: results seen more than once"),
        ("candles", duplicate(final=True), "candles: results seen more than once"),
        ("candles", edit({"final": True}, count=99), "candles: wrong windows"),
        ("candles", edit({"final": True}, mean=0.5), "candles: wrong windows"),
        ("candles", edit({"final": False}, high=9e9), "candles: results that are not those of"),
        ("candles", edit({"final": False}, last_offset=10**9), "candles: results of ticks that"),
        ("candles", without(final=True), "candles: windows without their final"),
        ("candles", without(final=True), "candles: wrong windows"),
        ("candles", edit({"final": False}, final=True), "candles: windows with a revision after"),
        ("candles", duplicate(final=False), "candles: windows whose revisions fall"),
        ("candles", edit({"final": True}, start=0), "candles: windows that are final too early"),
        ("daily-gains", duplicate(final=True), "daily-gains: results seen more than once"),
        ("daily-gains", edit({"final": False}, gain=1.0), "daily-gains: gains that are not"),
        ("daily-gains", without(final=True), "daily-gains, last of each day: missing"),
        ("top-gainers", lambda r: [*r, r[0]], "top-gainers: results seen more than once"),
        ("top-gainers", edit({}, rank=[]), "top-gainers: not those of the gains so far"),
        ("top-gainers", edit({}, revision=1 << 40), "top-gainers: not those of the gains so far"),
        ("top-gainers", lambda r: r[:-1], "top-gainers: days with a wrong ranking"),
        ("top-losers", edit({}, rank=[]), "top-losers: not those of the gains so far"),
        ("top-losers", lambda r: r[:-1], "top-losers: days with a wrong ranking"),
        ("most-active", lambda r: [*r, r[0]], "most-active: results seen more than once"),
        ("most-active", edit({}, rank=[]), "most-active: not those of the gains so far"),
        ("closes", duplicate(final=True), "closes: results seen more than once"),
        ("closes", without(final=True), "closes: missing"),
        ("closes", edit({}, close=0.5), "closes: should not be there"),
        ("trend-signals", duplicate(signal="buy"), "trend-signals: results seen more than once"),
        ("trend-signals", edit({}, signal="hold"), "trend-signals: should not be there"),
        ("trend-signals", edit({}, windows=7_000), "trend-signals: missing"),
        ("ticks-late", duplicate(table="days"), "ticks-late of days: results seen more than once"),
        (
            "ticks-late",
            duplicate(table="days"),
            "ticks-late: headers `source` that are not distinct",
        ),
        ("ticks-late", without(table="candles"), "ticks-late of candles: missing"),
        ("ticks-late", edit({}, stream_time=5), "ticks-late of candles: should not be there"),
        ("surges", duplicate(final=True), "surges: results seen more than once"),
        ("surges", without(final=True), "surges: missing"),
        ("surges", edit({"final": True}, count=99), "surges: should not be there"),
        ("dead-letters", lambda r: [*r, r[0]], "dead-letters: results seen more than once"),
        ("dead-letters", lambda r: r[1:], "dead-letters: missing"),
        ("dead-letters", lambda r: [r[0]._replace(headers=()), *r[1:]], "dead-letters: headers"),
        ("dead-letters", edit({}, offset=10**9), "dead-letters: should not be there"),
    ],
)
def test_checker_finds_each_kind_of_corruption(
    topics: Topics, right: Truth, topic: str, corrupt: Corruption, problem: str
) -> None:
    """The problem is described by its kind."""
    problems = check({**topics, topic: corrupt(topics[topic])}, right).problems
    assert any(each.startswith(problem) for each in problems)


def test_checker_finds_two_different_finals_of_a_window(topics: Topics, right: Truth) -> None:
    """It is found even if the highest revision is the right one."""

    def corrupt(records: list[Record]) -> list[Record]:
        at = index(records, final=True)
        wrong = changed(records[at], close=1.0, revision=records[at].json["revision"] - 2)
        return [*records[:at], wrong, *records[at:]]

    problems = check({**topics, "candles": corrupt(topics["candles"])}, right).problems
    assert any(each.startswith("candles: windows with several finals") for each in problems)


def test_checker_finds_a_lost_tick(topics: Topics) -> None:
    """A lost tick is missing in its windows and its day."""
    last = max(topics["ticks"], key=lambda record: record.offset)
    more = [*topics["ticks"], last._replace(offset=last.offset + 1)]
    problems = check(topics, truth_of(more)).problems
    assert any(each.startswith("candles: wrong windows") for each in problems)
    assert any(each.startswith("daily-gains, last of each day") for each in problems)
