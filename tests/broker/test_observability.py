"""Observability of one worker on a real broker: metrics, log, traces, `faust -A app top`."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from otlp import Collector, collector
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from promql import OWN_LABELS, OWN_METRICS, REPOSITORY, Query, alerts, panels
from workers import MINUTE, Market, Worker, tick, until

PARTITIONS = 6
SYMBOLS = [f"SYM{n:02}" for n in range(30)]
#: Ticks of each symbol, one a second, up to a minute ago.
TICKS = 120
SENT = len(SYMBOLS) * TICKS
BEGIN = int(time.time() * 1000) - 3 * MINUTE

#: Units and kinds in which the name of a gauge may end.
UNITS = "seconds|bytes|records|offsets?|ratio|entries|tasks|info|version"

#: Prefixes of metrics: the library's, and those of the rules of `transactions`.
OURS = "eventfold_", "tickstream_"


@pytest.fixture(scope="module")
def span_collector() -> Iterator[Collector]:
    """Run a collector of spans."""
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def worker(market: Market, span_collector: Collector) -> Iterator[Worker]:
    """Yield a worker that has folded ticks, one of them too late, and rejected one record."""
    settings = {"TICKSTREAM_LOG_FORMAT": "json", "TICKSTREAM_TRACES": span_collector.url}
    with market.worker(**settings, TICKSTREAM_GRACE="1m") as worker:
        market.send(
            tick(symbol, 10 + step % 7, BEGIN + step * 1000)
            for step in range(TICKS)
            for symbol in SYMBOLS
        )
        market.send([tick("SYM00", 1, BEGIN - 2 * MINUTE), ("SYM01", b"no tick", BEGIN)])
        until(lambda: total(worker, "eventfold_records_total", table="candles") == SENT + 1)
        until(lambda: worker.get("/api/top-gainers")[0] == 200)
        until(lambda: total(worker, "eventfold_lag_records") == 0)
        yield worker


def families(worker: Worker) -> dict[str, Metric]:
    """Return the metric families at `/metrics`, by name."""
    text = worker.ask("/metrics").body.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def total(worker: Worker, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels."""
    return sum(
        sample.value
        for family in families(worker).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_metrics_parse_as_prometheus_text_and_as_openmetrics(worker: Worker) -> None:
    """The same names in both formats, by the stricter rules of OpenMetrics."""
    import urllib.request  # noqa: PLC0415  # `ask` sends no headers

    wanted = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    request = urllib.request.Request(f"{worker.url}/metrics", headers=wanted)  # noqa: S310  # our own
    with urllib.request.urlopen(request) as reply:  # noqa: S310  # the same
        assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
        found = {f.name for f in openmetrics.text_string_to_metric_families(reply.read().decode())}
    # OpenMetrics has the suffix `_info` outside of the name.
    plain = {name.removesuffix("_info") for name in families(worker)}
    assert {name.removesuffix("_info") for name in found} == plain


def test_metric_names_follow_the_prometheus_conventions(worker: Worker) -> None:
    """Base units at the end, `_total` for counters, a help text for each."""
    ours = [f for name, f in families(worker).items() if name.startswith(OURS)]
    assert len(ours) > 30
    for family in ours:
        assert family.documentation, family.name
        if family.type == "counter":
            assert all(each.name == f"{family.name}_total" for each in family.samples)
        else:
            assert re.search(rf"_({UNITS})$", family.name), family.name
        for sample in family.samples:
            assert sample.labels.keys() <= {
                *("topic", "table", "partition", "stage", "outcome", "state", "final", "reason"),
                *("method", "path", "status", "le"),
                *("version", "faust", "aiokafka", "python", "application", "worker", "pipelines"),
            }
    assert not re.search("SYM", worker.ask("/metrics").body.decode())


def test_operations_guide_lists_every_metric_and_no_other(worker: Worker) -> None:
    """Under the name that a query uses."""
    found = families(worker).values()
    real = {f.name + ("_total" if f.type == "counter" else "") for f in found}
    guide = (REPOSITORY / "docs" / "operations.md").read_text()
    listed = set(re.findall(r"^\| `((?:eventfold|tickstream)_\w+)`", guide, re.MULTILINE))
    assert listed == {name for name in real if name.startswith(OURS)}


def test_metrics_count_records_late_ticks_and_dead_letters(worker: Worker) -> None:
    """Each record once, the late one, the unreadable one; and the state of each partition."""
    assert total(worker, "eventfold_late_total", table="candles") == 1
    assert total(worker, "eventfold_dead_letters_total", topic="ticks", stage="decode") == 1
    tasks = len(families(worker)["eventfold_lag_records"].samples)
    assert total(worker, "eventfold_tasks", state="running") == tasks >= PARTITIONS + 2
    for name in "eventfold_lag_records", "eventfold_uncommitted_records":
        assert until(lambda name=name: total(worker, name) == 0)
    positions = total(worker, "eventfold_position_offset", topic="ticks")
    assert positions == SENT + 2
    found = families(worker)
    behind = [sample.value for sample in found["eventfold_event_time_lag_seconds"].samples]
    assert 60 < min(behind) <= max(behind) < 3600
    assert total(worker, "eventfold_store_memory_bytes") > 0
    assert total(worker, "eventfold_store_entries", table="candles") > 0
    assert total(worker, "eventfold_changelog_rows_total", table="days") > 0
    commits = total(worker, "eventfold_checkpoints_total", outcome="committed")
    assert total(worker, "eventfold_checkpoint_seconds_count") >= commits > 0
    # A counter starts at 0 and is not missing: the first event is an increase then.
    for sample in found["eventfold_lost_to_retention"].samples:
        assert sample.value == 0
    assert len(found["eventfold_lost_to_retention"].samples) == tasks


@pytest.mark.parametrize("query", [*panels(), *alerts()], ids=lambda query: query.title)
def test_worker_has_every_metric_and_label_of_panels_and_alerts(
    worker: Worker, query: Query
) -> None:
    """Labels are compared where the metric has samples."""
    found, labels = families(worker), set()
    for name in query.metrics - OWN_METRICS:
        family = found.get(name) or found.get(re.sub(r"_(total|bucket|sum|count)$", "", name))
        assert family is not None, name
        assert name in {s.name for s in family.samples} or not family.samples, name
        if not family.samples:
            return
        labels |= {label for sample in family.samples for label in sample.labels}
    assert query.labels <= labels | OWN_LABELS


def test_each_log_line_is_one_json_object(worker: Worker) -> None:
    """Faust's and the Kafka client's lines too; lines of a task have its name."""
    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    loggers = {line["logger"].partition(".")[0] for line in lines}
    assert loggers >= {"faust", "aiokafka", "eventfold"}
    began = [line for line in lines if "runs from offset" in line["message"]]
    assert {(line["topic"], line["partition"]) for line in began} >= {("ticks", 0), ("surges", 0)}
    assert all(line["offset"] == 0 and line["task"] in line["message"] for line in began)


def test_failed_start_is_the_last_line_of_the_json_log(worker: Worker, market: Market) -> None:
    """The exit code is 1."""
    other = market.worker(TICKSTREAM_LOG_FORMAT="json", APP_DATADIR=worker.data)
    other.start(wait=False)
    try:
        until(lambda: not other.running)
        assert other.exit_code == 1
        last = json.loads(other.log.splitlines()[-1])
        assert last["level"] == "CRITICAL"
        assert "in use by another worker" in last["message"]
    finally:
        other.kill()


def test_spans_are_sent_to_a_collector(worker: Worker, span_collector: Collector) -> None:
    """Spans of batches, checkpoints, restores and requests; none of single records or of probes."""
    worker.get("/api/candles/SYM07?size=1m")
    span_name = "GET /api/candles/{symbol}"
    until(lambda: span_collector.named(span_name))
    assert span_collector.resource["service.name"] == worker.environment["TICKSTREAM_APP_ID"]
    (request, *_) = span_collector.named(span_name)
    assert (request["http.route"], request["http.response.status_code"]) == (
        *("/api/candles/{symbol}", 200),
    )
    folds = [each for each in span_collector.named("fold") if each["tickstream.table"] == "candles"]
    assert sum(each["messaging.batch.message_count"] for each in folds) == SENT + 2
    assert 0 < len(folds) <= total(worker, "eventfold_batches_total", table="candles") + 1
    restored = [each["tickstream.table"] for each in span_collector.named("restore")]
    tables = worker.get("/readyz")[1]["tables"]
    assert Counter(restored) == {name: len(each["open"]) for name, each in tables.items()}
    commits = span_collector.named("checkpoint")
    assert {each["messaging.destination.name"] for each in commits} >= {"ticks", "daily-gains"}
    assert not span_collector.named("GET /metrics")
    assert "SYM07" not in str(span_collector.spans)


def test_top_prints_the_state_of_workers_and_tables(worker: Worker, faust: Any) -> None:
    """As JSON and as text."""
    address = worker.url.removeprefix("http://")
    arguments = "top", "--once", "--interval", "0.2", "--url", address
    json_command, text_command = faust(*arguments, "--json"), faust(*arguments)
    printed, errors = json_command.communicate(timeout=60)
    assert (json_command.returncode, errors) == (0, "")
    view = json.loads(printed)
    assert view["application"] == worker.environment["TICKSTREAM_APP_ID"]
    assert [each["url"] for each in view["workers"]] == [worker.url]
    assert view["workers"][0]["running"] == len(view["partitions"])
    assert (view["dead_letters"], view["lag"]) == (1, 0)
    assert {each["table"]: each["late"] for each in view["tables"]}["candles"] == 1
    ticks = [each for each in view["partitions"] if each["topic"] == "ticks"]
    assert [each["partition"] for each in ticks] == list(range(PARTITIONS))
    assert sum(each["position"] for each in ticks) == SENT + 2
    assert len(view["gainers"]) == 10
    shown, errors = text_command.communicate(timeout=60)
    assert (text_command.returncode, errors) == (0, "")
    for word in (view["application"], worker.url, "candles", "lag", "late/s", "1 dead letters"):
        assert word in shown
    assert view["gainers"][0]["symbol"] in shown


def test_top_reports_in_one_line_that_no_worker_answers(market: Market, faust: Any) -> None:
    """The line suggests --url; the exit code is 1."""
    no_worker, broker = "127.0.0.1:9", market.bootstrap
    commands = [faust("top", "--once", "--url", address) for address in (no_worker, broker)]
    for command, address in zip(commands, (no_worker, broker), strict=True):
        printed, errors = command.communicate(timeout=60)
        assert (command.returncode, printed, len(errors.splitlines())) == (1, "", 1)
        assert f"No worker answers at http://{address}" in errors
        assert "--url" in errors
