"""Wrong definitions raise as they are made: one line that says what is wrong, where, what to do."""

# ruff: noqa: E501  # a message is one line

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import eventfold as ef
from eventfold.aggregates import Max


class Visit(ef.Record):
    """A visit of a page."""

    page: str
    seconds: int
    tags: list[str]
    time: int


class Timeless(ef.Record):
    """A record without an event time."""

    page: str
    at: float


class Page(ef.Record):
    """A page that became popular."""

    page: str
    time: int


class Final(ef.Record):
    """A record with a field that each result has."""

    final: str
    time: int


class Odd(ef.Record):
    """A record with a field that late records have."""

    page: str
    reason: str
    time: int


@dataclass
class User:
    """A user, by number."""

    user: int
    time: int


visits = ef.Topic("visits", Visit, key="page")
users = ef.Topic("users", User, key="user")
timeless = ef.Topic("timeless", Timeless, key="page")


def page_of(visit: Visit) -> Page:
    """Return the page of a visit."""
    return Page(visit.page, visit.time)


def unannotated(visit):
    """Return what nobody knows."""
    return visit


def state_of(state: int | None, visit: Visit, ctx: ef.Context) -> int:
    """Count visits."""
    del visit, ctx
    return (state or 0) + 1


class Counter:
    """A processor that is a class."""

    def on_record(self, state: int | None, visit: Visit, ctx: ef.Context) -> int:
        """Count visits."""
        return state_of(state, visit, ctx)


@pytest.fixture
def app(tmp_path: Path) -> ef.App:
    """Return an application of its own for each definition."""
    return ef.App("wrong", settings=ef.Settings(APP_DATADIR=tmp_path))


def windows(app: ef.App, *aggregates: Any, **options: Any) -> Any:
    """Declare a window table with some of the arguments."""
    name, source = options.pop("name", "pages"), options.pop("source", visits)
    return app.window_table(name, source, options.pop("windows", "5m/1m"), *aggregates, **options)


def taken(app: ef.App) -> Any:
    """Declare two tables of one name."""
    windows(app)
    return windows(app)


def unpublished(app: ef.App) -> Any:
    """Use a table as a source before it is published."""
    return windows(app, name="second", source=windows(app))


def published_twice(app: ef.App) -> Any:
    """Use a table with two outputs as a source."""
    table = windows(app)
    table.publish("one")
    table.publish("two")
    return windows(app, name="second", source=table)


def sunk_twice(app: ef.App) -> Any:
    """Declare two sinks into one table."""
    app.sink(visits, "csv:visits.csv")
    app.sink(visits, "csv:visits.csv")


FIELDS = "its fields are page, seconds, tags, time"

#: What is declared, and the line that it raises.
WRONG: list[tuple[Callable[[ef.App], Any], str]] = [
    # Sinks
    (
        lambda app: windows(app, visits=ef.count()).sink("sqlite:///pages.db"),
        "pages has no output: publish it first",
    ),
    (
        lambda app: app.sink(visits, "mysql://host/db"),
        "sink of visits: to: 'mysql' is no target; there are postgresql://USER@HOST/DATABASE, sqlite:///FILE, parquet:DIRECTORY, csv:FILE, https://... or python:MODULE.NAME",
    ),
    (
        lambda app: app.sink(visits, "csv:visits.csv", table="visits"),
        "sink of visits: table: csv has no tables",
    ),
    (
        lambda app: app.sink("visits", "csv:x"),
        "sink: the source is a topic or a table, not 'visits'",
    ),
    (
        lambda app: app.sink(visits, 7),
        "sink of visits: 7 is no target, no Sink and makes none",
    ),
    (sunk_twice, "sink of visits: there is a sink into csv:visits.csv already"),
    # Applications and names
    (
        lambda _: ef.App(7),
        'the id of an application is a text, not int: App("visits", settings=...)',
    ),
    (
        lambda _: ef.App("my app"),
        "'my app' can't be the id of an application: use up to 100 letters, digits, -, _ and .",
    ),
    (
        lambda app: windows(app, name="my pages"),
        "'my pages' can't be the name of a table: use letters, digits, -, _ and .",
    ),
    (taken, "there is a table 'pages' already: choose another name"),
    (
        lambda app: windows(app, name="p" * 101),
        "the name 'pppppppppppppppppppp'... is longer than 100 characters",
    ),
    # Sources
    (
        lambda app: windows(app, source="visits"),
        (
            "table pages: the source is a Topic or a table, not 'visits': "
            'Topic("visits", Visit, key="page")'
        ),
    ),
    (
        lambda app: windows(app, source=Visit),
        (
            "table pages: the source is a Topic or a table, not the class Visit: "
            'Topic("visits", Visit, key="page")'
        ),
    ),
    (
        lambda app: windows(app, source=ef.Topic("visits", dict, key="page")),
        "table pages: dict is neither a Record nor a dataclass",
    ),
    (
        lambda app: windows(app, source=ef.Topic("visits", Visit, key="url")),
        f"table pages: Visit has no field 'url', the key of visits; {FIELDS}",
    ),
    (
        lambda app: windows(app, source=ef.Topic("visits", Visit, key=("page", "url"))),
        f"table pages: Visit has no field 'url', the key of visits; {FIELDS}",
    ),
    (
        lambda app: windows(app, source=ef.Topic("visits", Visit, key=())),
        "table pages: visits: name a field, or several, as its key",
    ),
    (
        lambda app: windows(app, source=ef.Topic("visits", Visit, key="tags")),
        (
            "table pages: visits: Visit.tags can't be a key: a key is a text or a number, never "
            "missing"
        ),
    ),
    (
        lambda app: windows(app, source=timeless),
        (
            "table pages: Timeless has no whole number 'time', the time (ms) of the events of "
            "timeless; or name a Timestamp"
        ),
    ),
    (
        lambda app: windows(app, source=ef.Topic("timeless", Timeless, key="page", time="at")),
        (
            "table pages: Timeless has no whole number 'at', the time (ms) of the events of "
            "timeless; or name a Timestamp"
        ),
    ),
    (unpublished, "table second: the source pages writes 0 topics (none): publish it first"),
    (
        published_twice,
        "table second: the source pages writes 2 topics (one, two): name one of them",
    ),
    (
        lambda app: windows(app, key="url"),
        f"Visit has no field 'url', the key of table pages; {FIELDS}",
    ),
    (
        lambda app: windows(
            app,
            key="seconds",
            source=ef.Topic("visits", Visit, key="page", time=ef.Timestamp.CREATE),
        ),
        (
            "table pages: records are sent on to be grouped by 'seconds', so their event time has to "
            "be a field of Visit: name it by time= of topic 'visits'"
        ),
    ),
    # Windows
    (
        lambda app: windows(app, windows="5 minutes"),
        "table pages: '5 minutes' is not a duration such as 500ms, 30s, 5m, 4h or 8d",
    ),
    (
        lambda app: windows(app, windows="1m/5m"),
        (
            "table pages: window 1m by 5m: the advance is larger than the size, events between two "
            "windows would be lost"
        ),
    ),
    (
        lambda app: windows(app, windows=5),
        "table pages: 5 is no window: use ef.tumbling, ef.hopping, ... or a text such as '5m/1m'",
    ),
    (
        lambda app: windows(app, grace="1 m"),
        "table pages: '1 m' is not a duration such as 500ms, 30s, 5m, 4h or 8d",
    ),
    (
        lambda app: windows(app, grace=1.5),
        "table pages: 1.5 is neither whole milliseconds nor a text such as 5m",
    ),
    (
        lambda app: windows(app, retention="5m", grace="1m"),
        "table pages: a retention of 5m is shorter than the longest window and its grace, 6m",
    ),
    (lambda _: ef.day("Berlin"), "'Berlin' is not an IANA time zone such as America/New_York"),
    # Aggregates
    (
        lambda app: windows(app, longest=ef.max("secs")),
        f"table pages: longest=max: Visit has no field 'secs'; {FIELDS}",
    ),
    (
        lambda app: windows(app, longest=ef.max("page")),
        (
            "table pages: longest=max: Visit.page is no number; use count, distinct, first or last, "
            "or a function that returns one"
        ),
    ),
    (
        lambda app: windows(app, vwap=ef.vwap("seconds", "weight")),
        f"table pages: vwap=vwap: Visit has no field 'weight'; {FIELDS}",
    ),
    (
        lambda app: windows(app, best=ef.top_k(3, "page", by="tags")),
        (
            "table pages: best=top_k: Visit.tags is no number; use count, distinct, first or last, or "
            "a function that returns one"
        ),
    ),
    (
        lambda app: windows(app, ef.ohlc()),
        f"table pages: ohlc: Visit has no field 'price'; {FIELDS}",
    ),
    (
        lambda app: windows(app, ef.max("seconds")),
        "table pages: max needs a name: ...=max(...)",
    ),
    (
        lambda app: windows(app, longest="seconds"),
        (
            "table pages: longest= is no aggregate such as ef.max('seconds'): 'seconds' has no state, "
            "version, zero, add, merge"
        ),
    ),
    (
        lambda app: windows(app, longest=Max),
        "table pages: longest= is the class Max: call it",
    ),
    (
        lambda app: windows(app, start=ef.first("time")),
        "table pages: each result has a field 'start' already, give the aggregate another name",
    ),
    (
        lambda app: windows(app, page=ef.last("page")),
        "table pages: each result has a field 'page' already, give the aggregate another name",
    ),
    (
        lambda app: windows(app, count=ef.sum("seconds")),
        "table pages: count is the number of records in each result, and sum needs another name",
    ),
    (
        lambda app: windows(app, _longest=ef.max("seconds")),
        "table pages: '_longest' can't be the name of a field",
    ),
    (
        lambda app: windows(app, source=ef.Topic("finals", Final, key="final")),
        (
            "table pages: each result would have two fields 'final': rename the key's field or the "
            "aggregate"
        ),
    ),
    (
        lambda app: windows(app, record=page_of, visits=ef.count()),
        "table pages: record= makes the results of exactly one aggregate",
    ),
    (lambda _: ef.max(3), "3 is neither the name of a field nor a function of a record"),
    (
        lambda _: ef.quantile("seconds", 95),
        "Quantiles: each q is a number from 0 to 1, not 95",
    ),
    (lambda _: ef.top_k(0, "page"), "TopK: k is a whole number from 1 to 1,000, not 0"),
    # Outputs of a window table
    (
        lambda app: windows(app).publish("page times"),
        (
            "table pages: publish: an output is a Topic or a name of letters, digits, -, _ and ., not "
            "'page times'"
        ),
    ),
    (
        lambda app: windows(app).publish("pages", page_of),
        "table pages: publish: the records of 'pages' are unknown: use a Topic",
    ),
    (
        lambda app: windows(app).where("busy"),
        "table pages: where() needs functions, not 'busy'",
    ),
    (
        lambda app: windows(app).on_final(unannotated, to="popular"),
        (
            "table pages: on_final: annotate what unannotated returns (-> Alert | None), or send it "
            "to a Topic instead of a name"
        ),
    ),
    (
        lambda app: windows(app).on_final("popular", to="popular"),
        "table pages: on_final: 'popular' is no function of a record",
    ),
    (
        lambda app: windows(app, source=ef.Topic("odd", Odd, key="page")).late("late"),
        (
            "late records of table pages: records have a field 'reason' of their own, which late "
            "records need: use late(topic, record) with a function"
        ),
    ),
    # Stateless operators
    (lambda app: app.filter(visits, to="long")(True), "filter: True is no function"),
    (
        lambda app: app.filter(visits, to=None)(page_of),
        "filter page-of: an output is a Topic or a name of letters, digits, -, _ and ., not None",
    ),
    (
        lambda app: app.map(visits, to="pages")(unannotated),
        (
            "map unannotated: annotate what unannotated returns (-> Alert | None), or send it to a "
            "Topic instead of a name"
        ),
    ),
    (
        lambda app: app.map(visits, to="pages", key="url")(page_of),
        "Page has no field 'url', the key of topic 'pages'; its fields are page, time",
    ),
    (
        lambda app: app.route(visits, outputs="pages")(page_of),
        "route page-of: outputs are a list of topics, not 'pages'",
    ),
    (
        lambda app: app.route(visits, outputs=[])(page_of),
        "route page-of: name at least one output",
    ),
    # Processors
    (
        lambda app: app.processor(visits, state=int)("count"),
        "processor: 'count' is no function, and has no method on_record",
    ),
    (
        lambda app: app.processor(visits, state=int, key=3)(state_of),
        "processor state-of: a key is a field, several, or a function, not 3",
    ),
    (
        lambda app: app.processor(visits, state=int, retention="1 year")(state_of),
        "processor state-of: '1 year' is not a duration such as 500ms, 30s, 5m, 4h or 8d",
    ),
    (
        lambda app: app.processor(visits, state=int)(Counter).on_timer(state_of),
        "table Counter: its processor is a class: on_time is one of its methods",
    ),
    # Joins
    (
        lambda app: app.join(visits, visits, to="pairs")(page_of),
        (
            'join page-of: within="10m" says how far apart two records may be; for the latest record '
            "of a key, join with app.table(topic)"
        ),
    ),
    (
        lambda app: app.join(visits, visits, within="10m", how="full", to="pairs")(page_of),
        "join page-of: there is no kind of join 'full': it is one of inner, left, outer",
    ),
    (
        lambda app: app.join(visits, visits, within="10 m", to="pairs")(page_of),
        "join page-of: within: '10 m' is not a duration such as 500ms, 30s, 5m, 4h or 8d",
    ),
    (
        lambda app: app.join(visits, users, within="10m", to="pairs")(page_of),
        (
            "join page-of: the key of visits (page) is a text and that of users (user) a number, so "
            "they never match: name key="
        ),
    ),
    (
        lambda app: app.join(visits, app.table(visits), within="1m", to="pairs")(page_of),
        "join page-of: a lookup has no within: the latest record counts, however old it is",
    ),
    (
        lambda app: app.join(visits, app.table(visits), how="outer", to="pairs")(page_of),
        "join page-of: a join with a table is inner or left, not outer",
    ),
    (
        lambda app: app.table("users"),
        (
            "table: the source is a Topic or a table, not 'users': "
            'Topic("visits", Visit, key="page")'
        ),
    ),
    # Rankings
    (
        lambda app: app.top(visits, by="visits"),
        "top: it ranks a window table, not the topic visits",
    ),
    (
        lambda app: app.top(windows(app, visits=ef.count()), by="views"),
        (
            "top top-pages: by='views': Pages has no field 'views'; its fields are page, start, end, "
            "size, advance, visits, count, late, revision, final, time"
        ),
    ),
    (
        lambda app: app.top(windows(app, what=ef.last("page")), by="what"),
        "top top-pages: by='what': Pages.what is no number",
    ),
    (
        lambda app: app.top(windows(app), by="count", k=0),
        "top top-pages: k is a whole number from 1 to 1,000, not 0",
    ),
    (
        lambda app: app.top(windows(app, windows="session 5m"), by="count"),
        (
            "top top-pages: it ranks one tumbling, hopping or calendar window, and pages has session "
            "5m"
        ),
    ),
]


@pytest.mark.parametrize(("declare", "line"), WRONG, ids=[line[:50] for _, line in WRONG])
def test_wrong_definition_is_rejected_in_one_line(
    app: ef.App, declare: Callable[[ef.App], Any], line: str
) -> None:
    """The line is the whole message."""
    with pytest.raises(ef.DefinitionError) as caught:
        declare(app)
    assert str(caught.value) == line


def test_command_on_a_wrong_module_ends_in_that_line(tmp_path: Path) -> None:
    """The import raises, and the command reports nothing else."""
    (tmp_path / "wrong.py").write_text(
        """
import eventfold as ef

app = ef.App("wrong")


class Visit(ef.Record):
    page: str
    time: int


pages = app.window_table("pages", ef.Topic("visits", Visit, key="url"), "5m")
"""
    )
    ended = subprocess.run(
        [Path(sys.executable).with_name("faust"), "-A", "wrong", "topics"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    line = "table pages: Visit has no field 'url', the key of visits; its fields are page, time"
    assert (ended.returncode, ended.stderr) == (1, f"{line}\n")
