"""Custom tables in a replay: of keys, of counts, of windows that use the previous one."""

from typing import Any

import pytest
from covered_replay import BEGIN, HOUR, INTERVAL, MINUTE, covered, history, window

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
from eventfold.windows import WindowFamily, count, session, tumbling


def keyed(*, made_anew: bool, compacted: bool = False) -> tuple[Entries, Selection]:
    """Return the topic that a table of keys writes, which is folded from ticks or from surges."""
    host = new_host()
    alerts = Topic("alerts", "symbol", Surge, "what a table of keys sends", compacted=compacted)
    window = next(table for table in app.tasks.tables if table.name == "surges")
    table = KeyedTable(
        host,
        name="alerts",
        source=SURGES if made_anew else TICKS,
        process=None,  # type: ignore[arg-type]  # nothing is folded
        state=int,
        outputs=[alerts],
        retention=HOUR,
        help="alerts",
    )
    chosen = Selection([window, table])
    return Entries(alerts, chosen), chosen


@pytest.mark.parametrize("made_anew", [False, True])
def test_what_a_table_of_keys_sends_may_depend_on_what_is_older(made_anew: bool) -> None:
    """It is compared where there is nothing older, or where an option allows it."""
    entries, chosen = keyed(made_anew=made_anew)
    source = "" if made_anew else "ticks-0-150"
    sent = Found(b"{}", BEGIN + MINUTE, BEGIN + MINUTE, 0, source)

    def why_not(begin: int, *, warmed: bool) -> str | None:
        parts = {each.tp: each for each in (history(0, begin=begin), history(1, begin=begin))}
        final = {(name, n): INTERVAL.end for name in ("surges", "alerts") for n in (0, 1)}
        found = Coverage(chosen, INTERVAL, parts, final, warmed=warmed)
        return found.left_out(entries, "ACME", sent, in_live=True)

    assert why_not(100, warmed=False) == coverage.REMEMBERS
    assert why_not(100, warmed=True) is None
    assert why_not(0, warmed=False) is None
    sent = sent._replace(start=BEGIN, end=BEGIN)
    assert why_not(0, warmed=False) is None
    sent = sent._replace(start=BEGIN + HOUR, end=BEGIN + HOUR)
    assert why_not(0, warmed=False) == (coverage.ELSEWHERE if made_anew else None)
    sent = sent._replace(start=BEGIN - 1, end=BEGIN)
    assert why_not(0, warmed=False) == (coverage.ELSEWHERE if made_anew else None)
    sent = sent._replace(start=BEGIN - 1, end=BEGIN + 1)
    assert why_not(0, warmed=False) == (coverage.BEYOND if made_anew else None)


def test_a_log_of_a_second_stage_is_known_by_its_time() -> None:
    """The offset of what it comes from is another one in a replay."""
    entries, _ = keyed(made_anew=True)
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
    windows: WindowFamily,
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


def bars(windows: WindowFamily, **options: Any) -> Selection:
    """Return a table of such windows alone, with a grace of 5 min."""
    return Selection([windowed(new_host(), windows, 5 * MINUTE, **options)])


def judged(found: Coverage, chosen: Selection, result: Found) -> str | None:
    """Return why a window of `bars` is left out."""
    (table,) = chosen.tables
    return found.left_out(Entries(table.topics[0], chosen), "ACME", result, in_live=True)


def test_windows_of_a_count_are_compared_where_the_very_first_record_is_replayed() -> None:
    """In all partitions: where one window ends decides where the next begins."""
    chosen = bars(count(3))
    assert judged(covered(history(0, begin=0), history(1, begin=0)), chosen, window(0, 7)) is None
    missing = covered(history(0, begin=0), history(1, begin=1))
    assert judged(missing, chosen, window(0, 7)) == coverage.COUNTS


def test_windows_of_processing_time_are_left_out() -> None:
    """No replay makes the same ones again."""
    source = Topic("ticks", "symbol", Surge, "ticks", time=Timestamp.PROCESSING)
    assert judged(covered(), bars(tumbling(MINUTE), source=source), window(0, 1)) == (
        coverage.PROCESSING
    )


def test_the_first_window_of_a_key_is_left_out_where_windows_look_back() -> None:
    """The one before it was not replayed; where none is used, the first is as good as any."""
    for looks_back, reason in (True, coverage.LOOKS_BACK), (False, None):
        chosen, found = bars(tumbling(MINUTE), looks_back=looks_back), covered()
        found.firsts = {"bars": {"ACME": BEGIN + MINUTE, "OTHER": BEGIN}}
        assert judged(found, chosen, window(MINUTE, 1)) == reason
        assert judged(found, chosen, window(2 * MINUTE, 1)) is None


def test_of_a_second_stage_only_what_is_of_another_time_is_not_kept() -> None:
    """What has no time is: that it can't be compared is counted."""
    entries, _ = keyed(made_anew=True)

    def kept(start: int | None) -> bool:
        entry = Entry("alerts", "ACME", "", 0, b"{}", start, start, 0)
        return covered().admits(entries, entry, replayed=True)

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
    alerts, _ = keyed(made_anew=False)
    assert Selection(alerts.writers).settling("ticks", INTERVAL) == 0
    assert Selection(alerts.writers).settling("others", INTERVAL) == 0


def test_a_source_is_read_until_the_last_windows_of_its_windows_are_final() -> None:
    """A second stage waits for the first, and then for its own grace."""
    host = new_host()
    first = windowed(host, tumbling(MINUTE), 5 * MINUTE)
    source = first.topics[0]
    second = windowed(host, tumbling(10 * MINUTE), 2 * MINUTE, name="longer", source=source)
    second.publications.clear()
    chosen = Selection([first, second])
    assert chosen.settling("ticks", INTERVAL) == 7 * MINUTE
    assert chosen.settling("bars", INTERVAL) == 2 * MINUTE


def test_sessions_reach_back_by_their_gap() -> None:
    """What came so much before the interval may belong to a session that lies in it."""
    assert bars(session(7 * MINUTE)).lookback("ticks") == 7 * MINUTE
    assert bars(tumbling(MINUTE)).lookback("ticks") == 0
    alerts, _ = keyed(made_anew=False)
    assert Selection(alerts.writers).lookback("ticks") == 0


def test_what_does_not_say_which_time_it_is_of_is_left_out() -> None:
    """A value without a source that is no period's, and one of a second stage without a time."""
    nothing = Found(b"{}", None, None, None, "")
    for made_anew, compacted in (False, True), (True, False), (True, True):
        entries, chosen = keyed(made_anew=made_anew, compacted=compacted)
        found = Coverage(chosen, INTERVAL, {}, {}, warmed=True)
        assert found.left_out(entries, "ACME", nothing, in_live=True) == coverage.UNKNOWN


def test_of_a_compacted_topic_what_was_overwritten_is_left_out() -> None:
    """Whether it had another value within the interval, nobody knows."""
    entries, chosen = keyed(made_anew=False, compacted=True)
    found = Coverage(chosen, INTERVAL, {history(0).tp: history(0)}, {}, warmed=True)
    for source, reason in ("ticks-0-189", None), ("ticks-0-190", coverage.LATER):
        last = Found(b"{}", None, None, None, source)
        assert found.left_out(entries, "ACME", last, in_live=True) == reason


def test_tables_that_are_made_of_each_other_can_not_be_replayed() -> None:
    """Neither has a source that is whole before the other's; nor can where there are none."""
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
