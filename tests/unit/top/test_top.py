"""`faust -A app top` with prepared metrics of workers; real ones are scraped in tests/broker."""

from io import StringIO

import pytest
from rich.console import Console

from app.market.records import Gainer
from app.top.screen import draw
from app.top.view import Samples, Scrape, ScrapeDelta, View, partitions_of, tables_of, workers_of

ONE, TWO = "http://one:6066", "http://two:6066"


def metrics_of_worker(
    records: int, *, lag: int = 0, late: int = 0, restoring: float | None = None
) -> Samples:
    """Return the metrics of a worker with one partition."""
    lines = [
        f'eventfold_records_total{{table="candles",partition="0"}} {records}',
        f'eventfold_late_total{{table="candles",partition="0"}} {late}',
        f'eventfold_lag_records{{topic="ticks",partition="0"}} {lag}',
        f'eventfold_position_offset{{topic="ticks",partition="0"}} {records}',
        'eventfold_tasks{state="running"} 1',
        'eventfold_event_time_lag_seconds{table="candles",partition="0"} 90',
        f"process_cpu_seconds_total {records / 100}",
        "process_resident_memory_bytes 1e8",
        'eventfold_build_info{version="0.1.0"} 1',
    ]
    if restoring is not None:
        of = '{table="candles",partition="1"}'
        lines.append(f"eventfold_restore_progress_ratio{of} {restoring}")
    return Samples.parse("\n".join(lines) + "\n")


def test_rates_are_those_of_all_workers_that_answered_twice() -> None:
    """One that restarted in between begins at 0; a new or a dead one does not count."""
    before = Scrape(10.0, {ONE: metrics_of_worker(1000), TWO: metrics_of_worker(5000)})
    for two, rate in (
        (metrics_of_worker(5200), 150.0),
        (metrics_of_worker(100), 50.0),
        (None, 50.0),
    ):
        after = Scrape(12.0, {ONE: metrics_of_worker(1100), TWO: two})
        (table,) = tables_of(ScrapeDelta(before, after))
        assert (table.table, table.records) == ("candles", rate)
    new = Scrape(12.0, {ONE: metrics_of_worker(1100), "http://new:6066": metrics_of_worker(9)})
    assert tables_of(ScrapeDelta(before, new))[0].records == 50.0


def test_a_worker_that_does_not_answer_is_shown_as_such() -> None:
    """By its address; the others are shown with their figures."""
    two = ScrapeDelta(
        Scrape(0, {ONE: metrics_of_worker(0)}),
        Scrape(4, {ONE: metrics_of_worker(200, lag=7), TWO: None}),
    )
    one, gone = workers_of(two, {ONE: 9})
    assert (one.url, one.running, one.lag, one.cpu, one.answered) == (ONE, 1, 7, 0.5, 9)
    assert (gone.url, gone.answers, gone.running, gone.answered) == (TWO, False, None, None)
    (partition,) = partitions_of(two.after)
    assert (partition.topic, partition.worker, partition.lag) == ("ticks", ONE, 7)


def test_dead_worker_stays_on_screen_with_the_time_of_its_last_answer() -> None:
    """The others no longer list it, so it would vanish from the screen."""
    two = ScrapeDelta(
        Scrape(0, {ONE: metrics_of_worker(0), TWO: metrics_of_worker(0)}),
        Scrape(4, {ONE: metrics_of_worker(200)}),
    )
    noon = 1_769_860_800_000
    _, gone = workers_of(two, {ONE: noon + 9_000, TWO: noon + 5_000})
    assert (gone.url, gone.answers, gone.answered) == (TWO, False, noon + 5_000)
    out = StringIO()
    view = View("app", 1.0, [gone], [], [], 0, 0, 0.0, None, [])
    Console(file=out, width=120).print(draw(view))
    assert "gone since 12:00:05 UTC" in out.getvalue()


def test_screen_has_rates_lag_restores_ranking_and_dead_workers() -> None:
    """Late records and dead letters too."""
    after = {ONE: metrics_of_worker(2400, lag=12_345, late=3, restoring=0.25), TWO: None}
    two = ScrapeDelta(Scrape(0, {ONE: metrics_of_worker(400)}), Scrape(2, after))
    view = View(
        *("shop", 2.0, workers_of(two, {}), partitions_of(two.after), tables_of(two)),
        *(12_345, 4, 0.5, "2026-01-31", [Gainer("ACME", 0.123, 10.0, 11.23, 0)]),
    )
    shown = StringIO()
    Console(file=shown, width=120).print(draw(view))
    text = shown.getvalue()
    for word in ("shop", "1,000 records/s", "12,345", "4 dead letters (0.5/s)", "does not answer"):
        assert word in text
    assert "0: 12,345" in text
    assert "1.5m" in text
    assert "25%" in text
    assert "1. ACME" in text
    assert "+12.30%" in text


@pytest.mark.parametrize("text", ["<html>", "a b c"])
def test_answer_without_metrics_is_rejected(text: str) -> None:
    """Another program may listen on that port."""
    with pytest.raises(ValueError, match=r"\S"):
        Samples.parse(text)
