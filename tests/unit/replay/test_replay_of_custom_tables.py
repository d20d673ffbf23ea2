"""Custom tables in a replay: keyed tables, count windows, windows that use the previous one."""

from typing import Any

import pytest
from replay_coverage import BEGIN, HOUR, INTERVAL, MINUTE, history, new_coverage, window

from app import app
from app.market.records import Surge
from app.market.topics import SURGES, TICKS
from app.settings import Settings
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.keyed_table import KeyedTable
from eventfold.engine.window_table import WindowTable
from eventfold.kafka.tables import TaskTableManager
from eventfold.replay import ReplayError, coverage
from eventfold.replay.coverage import Coverage
from eventfold.replay.entries import Entries, Entry
from eventfold.replay.results import Found
from eventfold.replay.selection import Selection, select
from eventfold.topics import Timestamp, Topic
from eventfold.windows import WindowDefinition, count, session, tumbling


def keyed(*, rederived: bool, compacted: bool = False) -> tuple[Entries, Selection]:
    """Return the output of a keyed table that is folded from ticks or from surges."""
    host = new_host()
    alerts = Topic("alerts", "symbol", Surge, "what a table of keys sends", compacted=compacted)
    window = next(table for table in app.tasks.tables if table.name == "surges")
    table = KeyedTable(
        host,
        name="alerts",
        source=SURGES if rederived else TICKS,
        process=None,  # type: ignore[arg-type]  # nothing is folded
        state=int,
        outputs=[alerts],
        retention=HOUR,
        help="alerts",
    )
    chosen = Selection([window, table])
    return Entries(table.topics[0], chosen), chosen


@pytest.mark.parametrize("rederived", [False, True])
def test_results_of_a_keyed_table_may_depend_on_older_records(rederived: bool) -> None:
    """They are compared where there are none, or after a warm-up."""
    entries, chosen = keyed(rederived=rederived)
    source = "" if rederived else "ticks-0-150"
    sent = Found(b"{}", BEGIN + MINUTE, BEGIN + MINUTE, 0, source)

    def reason_left_out(begin: int, *, warmed: bool) -> str | None:
        parts = {each.tp: each for each in (history(0, begin=begin), history(1, begin=begin))}
        final = {(name, n): INTERVAL.end for name in ("surges", "alerts") for n in (0, 1)}
        found = Coverage(chosen, INTERVAL, parts, final, warmed=warmed)
        return found.left_out(entries, "ACME", sent, in_live=True)

    assert reason_left_out(100, warmed=False) == coverage.OLDER_STATE
    assert reason_left_out(100, warmed=True) is None
    assert reason_left_out(0, warmed=False) is None
    sent = sent._replace(start=BEGIN, end=BEGIN)
    assert reason_left_out(0, warmed=False) is None
    sent = sent._replace(start=BEGIN + HOUR, end=BEGIN + HOUR)
    assert reason_left_out(0, warmed=False) == (coverage.IGNORED if rederived else None)
    sent = sent._replace(start=BEGIN - 1, end=BEGIN)
    assert reason_left_out(0, warmed=False) == (coverage.IGNORED if rederived else None)
    sent = sent._replace(start=BEGIN - 1, end=BEGIN + 1)
    assert reason_left_out(0, warmed=False) == (coverage.BEYOND if rederived else None)


def test_log_entry_of_a_second_stage_is_identified_by_its_time() -> None:
    """The offset of its source differs in a replay."""
    entries, _ = keyed(rederived=True)
    value = b'{"time":7,"offset":3}'
    entry = entries.read(0, b"ACME", value, [("source", b"surges-0-17")])
    assert entry is not None
    assert (entry.identity, entry.sources, entry.start, entry.end) == ("time 7", (), 7, 7)
    lasting = entries.read(0, b"ACME", b'{"start":2,"end":7}', [])
    assert lasting is not None
    assert (lasting.identity, lasting.start, lasting.end) == ("time 7", 2, 7)
    begun = entries.read(0, b"ACME", b'{"start":2,"time":7}', [])
    assert begun is not None
    assert (begun.identity, begun.start, begun.end) == ("time 7", 7, 7)
    assert "offset" in entries.ignored


def new_host() -> TickApp:
    """Return an application without tables."""
    return TickApp(Settings(), broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)


def windowed(
    host: TickApp,
    windows: WindowDefinition,
    grace: int,
    *,
    name: str = "candles",
    source: Topic = TICKS,
    **options: Any,
) -> WindowTable:
    """Return a table of windows, which writes `bars`."""
    table = WindowTable(
        host,
        name=name,
        source=source,
        windows=windows,
        aggregate=Ohlc(),
        record=lambda result: result,
        grace=grace,
        retention=24 * HOUR,
        help="bars",
        **options,
    )
    table.publish(Topic("bars", "symbol", Surge, "windows", time="end"))
    return table


def bars(windows: WindowDefinition, **options: Any) -> Selection:
    """Return a table of such windows alone, with a grace of 5 min."""
    return Selection([windowed(new_host(), windows, 5 * MINUTE, **options)])


def judged(found: Coverage, chosen: Selection, result: Found) -> str | None:
    """Return why a window of `bars` is left out."""
    (table,) = chosen.tables
    return found.left_out(Entries(table.topics[0], chosen), "ACME", result, in_live=True)


def test_count_windows_are_compared_if_the_first_record_is_replayed() -> None:
    """In all partitions: where one window ends decides where the next begins."""
    chosen = bars(count(3))
    assert (
        judged(new_coverage(history(0, begin=0), history(1, begin=0)), chosen, window(0, 7)) is None
    )
    missing = new_coverage(history(0, begin=0), history(1, begin=1))
    assert judged(missing, chosen, window(0, 7)) == coverage.COUNTS


def test_windows_of_processing_time_are_left_out() -> None:
    """No replay makes the same ones again."""
    source = Topic("ticks", "symbol", Surge, "ticks", time=Timestamp.PROCESSING)
    assert judged(new_coverage(), bars(tumbling(MINUTE), source=source), window(0, 1)) == (
        coverage.PROCESSING
    )


def test_first_window_is_left_out_if_it_uses_the_previous_window() -> None:
    """The one before it was not replayed; windows that use none are compared."""
    for uses_previous_window, reason in (True, coverage.USES_PREVIOUS), (False, None):
        chosen, found = (
            bars(tumbling(MINUTE), uses_previous_window=uses_previous_window),
            new_coverage(),
        )
        found.firsts = {"bars": {"ACME": BEGIN + MINUTE, "OTHER": BEGIN}}
        assert judged(found, chosen, window(MINUTE, 1)) == reason
        assert judged(found, chosen, window(2 * MINUTE, 1)) is None


def test_second_stage_results_of_other_times_are_not_kept() -> None:
    """A result without a time is kept, to be counted as not comparable."""
    entries, _ = keyed(rederived=True)

    def kept(start: int | None) -> bool:
        entry = Entry("alerts", "ACME", "", 0, b"{}", start, start, 0)
        return new_coverage().admits(entries, entry, replayed=True)

    assert kept(BEGIN)
    assert not kept(BEGIN - 1)
    assert kept(BEGIN + HOUR - 1)
    assert not kept(BEGIN + HOUR)
    assert kept(None)


def test_a_source_is_read_until_its_last_windows_are_final() -> None:
    """After the interval; to its very end where no window of a table fits into it."""
    assert bars(tumbling(MINUTE)).settling("ticks", INTERVAL) == 5 * MINUTE
    assert bars(tumbling(HOUR)).settling("ticks", INTERVAL) == 5 * MINUTE
    assert bars(tumbling(2 * HOUR)).settling("ticks", INTERVAL) == 0
    alerts, _ = keyed(rederived=False)
    assert Selection(alerts.writers).settling("ticks", INTERVAL) == 0
    assert Selection(alerts.writers).settling("others", INTERVAL) == 0


def test_source_is_read_until_second_stage_windows_are_final() -> None:
    """A second stage waits for the first, and then for its own grace."""
    host = new_host()
    first = windowed(host, tumbling(MINUTE), 5 * MINUTE)
    source = first.topics[0]
    second = windowed(host, tumbling(10 * MINUTE), 2 * MINUTE, name="longer", source=source)
    second.publications.clear()
    chosen = Selection([first, second])
    assert chosen.settling("ticks", INTERVAL) == 7 * MINUTE
    assert chosen.settling("bars", INTERVAL) == 2 * MINUTE


def test_sessions_need_records_of_one_gap_before_the_interval() -> None:
    """Such records may belong to a session that is in the interval."""
    assert bars(session(7 * MINUTE)).lookback("ticks") == 7 * MINUTE
    assert bars(tumbling(MINUTE)).lookback("ticks") == 0
    alerts, _ = keyed(rederived=False)
    assert Selection(alerts.writers).lookback("ticks") == 0


def test_results_without_a_time_are_left_out() -> None:
    """A value without a source that is no period's, and one of a second stage without a time."""
    nothing = Found(b"{}", None, None, None, "")
    for rederived, compacted in (False, True), (True, False), (True, True):
        entries, chosen = keyed(rederived=rederived, compacted=compacted)
        found = Coverage(chosen, INTERVAL, {}, {}, warmed=True)
        assert found.left_out(entries, "ACME", nothing, in_live=True) == coverage.UNKNOWN


def test_overwritten_values_of_a_compacted_topic_are_left_out() -> None:
    """Whether there was another value within the interval is not known."""
    entries, chosen = keyed(rederived=False, compacted=True)
    found = Coverage(chosen, INTERVAL, {history(0).tp: history(0)}, {}, warmed=True)
    for source, reason in ("ticks-0-189", None), ("ticks-0-190", coverage.OVERWRITTEN):
        last = Found(b"{}", None, None, None, source)
        assert found.left_out(entries, "ACME", last, in_live=True) == reason


def test_tables_made_of_each_other_cannot_be_replayed() -> None:
    """Neither source is complete before the other; an application needs a table as well."""
    host = new_host()
    with pytest.raises(ReplayError, match="nothing to replay"):
        select(host, [])
    ping, pong = (Topic(name, "symbol", Surge, name) for name in ("ping", "pong"))
    for name, source, output in ("pings", pong, ping), ("pongs", ping, pong):
        KeyedTable(
            host,
            name=name,
            source=source,
            process=None,  # type: ignore[arg-type]  # nothing is folded
            state=int,
            outputs=[output],
            retention=HOUR,
            help=name,
        )
    with pytest.raises(ReplayError, match="pong, ping are made of each other"):
        select(host, [])
