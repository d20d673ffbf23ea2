"""HTTP answers of two workers on one broker, each of which answers for both."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, pairwise
from string import Formatter
from typing import Any

import polars as pl
import pytest
import schemathesis
import truth
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from workers import DAY, MINUTE, Market, Worker, tick, until

from app.worker import TickApp
from eventfold.web.api import ROUTES

PARTITIONS = 6
SYMBOLS = [f"SYM{n:02}" for n in range(50)]
#: Yesterday's noon: no test runs across the end of a day, no record is too old to keep.
NOON = int(datetime.now(UTC).timestamp() * 1000) // DAY * DAY - DAY // 2
GRACE = 5 * MINUTE
#: Ticks of each symbol, one every ten seconds.
TICKS = 120
#: Time of the last ones (ms).
LAST = NOON + (TICKS - 1) * 10_000

WINDOWS = {"1m": (1, 1), "5m": (5, 5), "15m": (15, 15), "5m&advance=1m": (5, 1)}

#: Checks of an answer against the API's own description.
CONFORMS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

#: A value for each name in a path, and the parameters that are valid for each of them.
KNOWN = {"symbol": "SYM07", "name": "candles", "table": "surges", "key": "SYM07"}
COMMON_PARAMETERS = {"limit", "stale", "partial", "prefix", "to"}

#: A symbol whose price jumps for a single step.
SURGING, SURGE = "SYM07", 60

_partition = DefaultPartitioner()


def _partition_of(symbol: str) -> int:
    return _partition(symbol.encode(), list(range(PARTITIONS)), [])


def _misplaced() -> dict[str, int]:
    """Return symbols with their partitions, which murmur2 would not select."""
    return {f"ODD{p}": p for p in range(PARTITIONS) if _partition_of(f"ODD{p}") != p}


def _market() -> Iterator[tuple[str, bytes, int]]:
    """Yield twenty minutes of ticks; the higher a symbol's number, the more it gains."""
    for step in range(TICKS):
        for number, symbol in enumerate(SYMBOLS):
            price = 100 + number * step / 1000 + (step * 7 + number) % 5 / 100
            price += (symbol, step) == (SURGING, SURGE)
            yield tick(symbol, price, NOON + step * 10_000 + number, size=number)


@pytest.fixture(scope="module")
def two(market: Market) -> Iterator[list[Worker]]:
    """Yield two workers that share the partitions and have folded all ticks."""
    with market.workers(2) as two:
        sent = market.send(_market())
        for symbol, partition in _misplaced().items():
            sent += market.send([tick(symbol, 10, LAST)], partition=partition)
        until(lambda: _folded(*two) == _folded(*two, table="surges") == sent)
        until(lambda: _ranked(two[0]) == len(SYMBOLS) + len(_misplaced()))
        yield two


def _folded(*workers: Worker, table: str = "candles") -> float:
    samples = (sample for worker in workers for sample in _metrics(worker))
    name = "eventfold_records_total"
    return sum(s.value for s in samples if s.name == name and s.labels["table"] == table)


def _ranked(worker: Worker) -> int:
    """Count the symbols that the last stage has ranked by their last price."""
    rows = [worker.get(f"/api/tables/gainers/{symbol}") for symbol in [*SYMBOLS, *_misplaced()]]
    return sum(body[0]["time"] >= LAST for status, body in rows if status == 200)


def _metrics(worker: Worker) -> Iterator[Any]:
    text = worker.ask("/metrics").body.decode()
    for family in text_string_to_metric_families(text):
        yield from family.samples


def _last_record(market: Market, topic: str) -> Any:
    *_, last = truth.read(market.bootstrap, topic)
    return json.loads(last.value())


def _same(workers: list[Worker], path: str) -> Any:
    """Assert that all workers answer the same, and return the answer."""
    (status, body), *others = [worker.get(path) for worker in workers]
    assert status == 200, body
    assert others == [(status, body)] * len(others)
    return body


def _error(worker: Worker, path: str) -> tuple[int, str, str]:
    status, body = worker.get(path)
    assert set(body["error"]) == {"code", "message"}
    return status, body["error"]["code"], body["error"]["message"]


def test_workers_share_the_partitions(two) -> None:
    """Each worker has three of six, and both know all owners."""
    routes = _same(two, "/router/")
    owned = {worker.url: routes[worker.url]["ticks"] for worker in two}
    assert sorted(map(len, owned.values())) == [3, 3]
    assert sorted(chain.from_iterable(owned.values())) == list(range(PARTITIONS))
    for worker in two:
        tables = worker.get("/api/tables")[1]
        assert {t["name"]: t["partitions"] for t in tables}["candles"] == owned[worker.url]


@pytest.mark.parametrize("window", WINDOWS)
def test_each_worker_serves_the_windows_of_every_symbol(two, market, window: str) -> None:
    """They equal a group-by over the topic, whichever worker owns the symbol."""
    size, advance = (minutes * MINUTE for minutes in WINDOWS[window])
    found = [
        candle
        for symbol in SYMBOLS
        for candle in _same(two, f"/api/candles/{symbol}?size={window}&limit=5000")
    ]
    ticks = truth.ticks(market.bootstrap).filter(pl.col("symbol").str.starts_with("SYM"))
    expected = truth.candles(ticks, size, advance, GRACE)
    found = pl.DataFrame(found, infer_schema_length=None)
    assert truth.differences(expected, found).is_empty()


def test_day_window_counts_all_ticks_of_the_day(two) -> None:
    """It comes from a table of its own."""
    for symbol in SYMBOLS[::7]:
        (day,) = _same(two, f"/api/candles/{symbol}?size=1d")
        assert (day["start"], day["count"]) == (NOON // DAY * DAY, TICKS)


def _pages(worker: Worker, path: str) -> list[Any]:
    """Return the windows of all pages of a path."""
    found, after = [], ""
    while after is not None:
        status, page = worker.get(path + after)
        assert status == 200, page
        found += page["windows"]
        after = page["next"] and f"&after={page['next']}"
    return found


@pytest.mark.parametrize(("window", "size", "advance"), [("1m", 1, 1), ("15m/1m", 15, 1)])
def test_each_worker_serves_all_windows_page_by_page(
    two, market, window: str, size: int, advance: int
) -> None:
    """Of all symbols: each once, in order, and together equal to a group-by over the topic."""
    path = f"/api/windows/candles?window={window}&limit=97"
    found, *others = [_pages(worker, path) for worker in two]
    assert others == [found]
    places = [(candle["symbol"], candle["start"]) for candle in found]
    assert places == sorted(set(places))
    expected = truth.candles(truth.ticks(market.bootstrap), size * MINUTE, advance * MINUTE, GRACE)
    found = pl.DataFrame(found, infer_schema_length=None)
    assert truth.differences(expected, found).is_empty()


def test_each_worker_serves_the_sliding_minute_of_each_trade(two, market) -> None:
    """One for each second in which a symbol traded; by key, by time, and all of them."""
    ticks = truth.ticks(market.bootstrap).with_columns(end=pl.col("time") // 1000 * 1000 + 1000)
    ends = sorted(ticks.select("symbol", "end").unique().iter_rows())
    found, *others = [_pages(worker, "/api/windows/surges?limit=1000") for worker in two]
    assert others == [found]
    assert [(each["symbol"], each["end"]) for each in found] == ends

    minute = _same(two, f"/api/windows/surges/{SURGING}?limit=3")
    assert minute == [each for each in found if each["symbol"] == SURGING][-3:]
    begin, end = LAST - 3 * MINUTE, LAST - 2 * MINUTE
    some = [
        each
        for worker in two
        for each in _pages(
            worker, f"/api/windows/surges?window=1m/event~1s&from={begin}&to={end}&limit=50"
        )
    ]
    assert some == 2 * [each for each in found if begin <= each["start"] < end]


def test_latest_surges_equal_those_of_the_topic(two, market) -> None:
    """Each worker has the last one of the symbol that jumped, and of no other."""
    (surge,) = until(lambda: _same(two, "/api/surges"))
    until(lambda: _same(two, "/api/surges?limit=1") == [_last_record(market, "surges")])
    published = [json.loads(each.value()) for each in truth.read(market.bootstrap, "surges")]
    price = 100 + 7 * SURGE / 1000 + 1
    assert [(each["symbol"], round(max(each["open"], each["last"]))) for each in published] == 2 * [
        (SURGING, round(price))
    ]
    assert [each["change"] > 0 for each in published] == [True, False]
    assert surge["final"]
    assert surge == published[-1]


def test_top_gainers_equal_those_of_the_topic(two, market) -> None:
    """Each worker has the ranking that consumers of `top-gainers` have, the best first."""
    top = _same(two, "/api/top-gainers")
    until(lambda: _last_record(market, "top-gainers") == top)
    assert [g["symbol"] for g in top["rank"]] == SYMBOLS[:-11:-1]
    assert all(a["gain"] > b["gain"] for a, b in pairwise(top["rank"]))
    assert _same(two, f"/api/top-gainers?day={top['day']}") == top
    assert _error(two[0], "/api/top-gainers?day=2020-01-01")[0] == 404


def test_each_worker_serves_the_rows_of_every_key(two) -> None:
    """In each table that `/api/tables` lists."""
    names = {table["name"] for table in two[0].get("/api/tables")[1]}
    assert names >= {"candles", "days", "gainers", "latest-surges", "surges"}
    for symbol in SYMBOLS[::5]:
        for name in ("candles", "days", "gainers", "surges"):
            rows = _same(two, f"/api/tables/{name}/{symbol}")
            assert {row["symbol"] for row in rows} == {symbol}


def test_each_worker_serves_the_sorted_list_of_symbols(two) -> None:
    """A prefix filters it, in upper or lower case."""
    assert _same(two, "/api/symbols") == sorted([*SYMBOLS, *_misplaced()])
    assert _same(two, "/api/symbols?prefix=sym4&limit=3") == ["SYM40", "SYM41", "SYM42"]


def test_symbol_of_another_partitioner_is_found(two) -> None:
    """In each partition where murmur2 would not place it; Faust's view finds it too."""
    assert len(_misplaced()) > 2
    for symbol in _misplaced():
        assert _same(two, f"/api/candles/{symbol}?size=1m")[0]["close"] == 10
        assert _same(two, f"/table/candles/{symbol}/")[0]["symbol"] == symbol


def test_fausts_own_views_show_our_tables(two) -> None:
    """Real windows of a known key, 404 for an unknown one, and Faust's other views."""
    for worker in two:
        rows = worker.get("/table/candles/SYM07/")[1]
        assert {row["size"] for row in rows} == {MINUTE, 5 * MINUTE, 15 * MINUTE}
        assert worker.get("/table/candles/NOBODY/")[0] == 404
        assert worker.get("/table/nope/SYM07/")[0] == 404
        assert {table["name"] for table in worker.get("/table/")[1]} >= {"candles", "gainers"}
        assert worker.get("/router/candles/SYM07/")[1] in [other.url for other in two]
        assert "Sensor0" in worker.get("/stats/")[1]
        assert worker.ask("/graph/").body.startswith(b"digraph")


def _parameters(path: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(path) if name}


def test_every_openapi_path_answers_as_described(two) -> None:
    """With real data, each path has the status and the content type of `/openapi.json`."""
    paths = two[0].get("/openapi.json")[1]["paths"]
    for path, operations in paths.items():
        content = operations["get"]["responses"]["200"]["content"]
        if "text/event-stream" in content:
            continue  # that answer has no end
        if not _parameters(path) <= KNOWN.keys() or path.endswith("/rules"):
            continue  # no data for it is sent here
        answer = two[0].ask(path.format(**KNOWN))
        assert answer.status == 200, path
        assert answer.headers["content-type"].partition(";")[0] in content


@pytest.fixture(scope="module")
def described(two: list[Worker]) -> Any:
    """Return the API as its own description has it."""
    return schemathesis.openapi.from_url(f"{two[0].url}/openapi.json")


@pytest.mark.parametrize(
    "path", [r.path for r in (*ROUTES, *TickApp.routes) if r.media != "text/event-stream"]
)
def test_generated_requests_conform_to_openapi(two, described, path: str) -> None:
    """For any request of the description: no server error, no body of another schema."""

    @given(case=described[path]["GET"].as_strategy(), known=st.booleans())
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case, *, known: bool) -> None:
        if known:  # otherwise hardly any answer would have data
            names = case.path_parameters.keys() & KNOWN.keys()
            case.path_parameters.update({name: KNOWN[name] for name in names})
            case.query = {name: v for name, v in case.query.items() if name in COMMON_PARAMETERS}
        reply = case.call(base_url=two[1].url, timeout=20)
        case.validate_response(reply, checks=CONFORMS)

    ask()


@pytest.mark.parametrize(
    ("path", "status", "expected_message"),
    [
        ("/api/candles/SYM07?size=7m", 400, "size: windows of 7m are not served; there are 1m"),
        ("/api/candles/SYM07?size=five", 400, "size: "),
        ("/api/candles/SYM07?size=5m&advance=2m", 400, "advance: windows of 5m/2m are not served"),
        ("/api/candles/SYM07?from=now", 400, "from: "),
        ("/api/candles/SYM07?limit=-1", 400, "limit: "),
        ("/api/candles/SYM07?form=0", 400, "form: no such parameter"),
        ("/api/top-gainers?day=yesterday", 400, "day: "),
        ("/api/candles/NOBODY", 404, "unknown symbol 'NOBODY'"),
        ("/api/tables/days/NOBODY", 404, "unknown key 'NOBODY' in table days"),
        (
            "/api/tables/nope/SYM07",
            404,
            "unknown table 'nope'; there are ",
        ),
        ("/api/top-gainers?day=2020-01-01", 404, "unknown day 2020-01-01"),
        ("/nope", 404, "there is nothing at /nope"),
    ],
)
def test_client_error_names_the_wrong_parameter(
    two, path: str, status: int, expected_message: str
) -> None:
    """Both workers answer in the same words: the parameter, or the unknown name."""
    for worker in two:
        found, code, message = _error(worker, path)
        assert (found, code) == (status, "unknown" if status == 404 else "bad-parameter")
        assert message.startswith(expected_message)


def test_other_methods_are_not_allowed(two) -> None:
    """Status 405 with the allowed methods."""
    answer = two[0].ask("/api/top-gainers", method="DELETE")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json["error"]["code"] == "method-not-allowed"


def test_both_workers_are_alive_and_ready(two) -> None:
    """All their partitions are open, and none is missing."""
    for worker in two:
        assert worker.get("/healthz") == (200, {"alive": True})
        status, state = worker.get("/readyz")
        assert (status, state["ready"], state["missing"]) == (200, True, [])
        assert len(state["tables"]["candles"]["open"]) == 3


def test_metrics_of_both_workers_add_up_to_each_tick_once(two) -> None:
    """Prometheus' own parser reads them."""
    for worker in two:
        samples = list(_metrics(worker))
        running = [s for s in samples if s.name == "eventfold_tasks" and s.value]
        assert {s.labels["state"] for s in running} == {"running"}
        requests = [s for s in samples if s.name == "eventfold_http_requests_total"]
        assert {s.labels["path"] for s in requests} >= {"/readyz", "/api/tables"}
        assert not re.search("SYM|ODD", str(requests))
    assert _folded(*two) == len(SYMBOLS) * TICKS + len(_misplaced())
