"""Which results are compared, and why the others are not."""

from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition

from app import app
from app.batching.tables import TaskTableManager
from app.records import Surge
from app.replay import coverage
from app.replay.coverage import Coverage
from app.replay.entries import Entries
from app.replay.history import History
from app.replay.results import Found
from app.replay.selection import Interval, Selection, select
from app.settings import Settings
from app.state.keyed_table import KeyedTable
from app.topics import CANDLES, SURGES, TICKS, TICKS_LATE, TOP_GAINERS, Topic
from app.worker import TickApp

HOUR, MINUTE = 3_600_000, 60_000

#: Of a day: 2026-01-31 from ten to eleven.
BEGIN = 1_769_817_600_000 + 10 * HOUR
INTERVAL = Interval(BEGIN, BEGIN + HOUR)


def history(partition: int, **known: int) -> History:
    """Give a partition of ticks that was read from offset 100 to 200, of which 120 is in it."""
    found = History(
        tp=TopicPartition("ticks", partition),
        by_record=True,
        begin=100,
        end=200,
        expected=200,
        interval=INTERVAL,
        until=INTERVAL.end,
        cut=False,
        doubt=0,
    )
    found.position, found.first, found.last = 200, 110, 190
    for name, value in known.items():
        setattr(found, name, value)
    return found


def covered(
    *histories: History,
    finalised: Mapping[int, int] | None = None,
    live: int = 200,
    interval: Interval = INTERVAL,
) -> Coverage:
    """Give the coverage of a replay whose windows are final by partition, and of live's offsets."""
    given = histories or (history(0), history(1))
    until = finalised or {each.tp.partition: INTERVAL.end for each in given}
    names = ("candles", "surges", "days")
    found = Coverage(
        select(app, []),
        interval,
        {each.tp: each for each in given},
        {(name, partition): time for name in names for partition, time in until.items()},
    )
    found.committed = {each.tp: live for each in given}
    return found


def window(start: int, minutes: int, partition: int | None = 0) -> Found:
    """Give a window of so many minutes, from ms after the begin on."""
    begin = BEGIN + start
    return Found(b"{}", begin, begin + minutes * MINUTE, partition, "")


def why(found: Coverage, result: Found, topic: object = CANDLES, *, in_live: bool = True) -> object:
    """Say why it is left out."""
    entries = Entries(topic, select(app, []))  # type: ignore[arg-type]
    return found.left_out(entries, "2026-01-31", result, in_live=in_live)


def test_a_window_that_both_sides_know_for_good_is_compared() -> None:
    """It lies in the interval, is final, and live has folded what the replay has."""
    assert why(covered(), window(0, 15)) is None
    assert why(covered(), window(HOUR - MINUTE, 1)) is None


def test_a_window_reaches_beyond_the_interval_or_is_elsewhere() -> None:
    """Only what touches the interval is counted at all."""
    assert why(covered(), window(-MINUTE, 5)) == coverage.BEYOND
    assert why(covered(), window(HOUR - MINUTE, 5)) == coverage.BEYOND
    assert why(covered(), window(-5 * MINUTE, 5)) == coverage.ELSEWHERE
    assert why(covered(), Found(b"{}", None, None, 0, "")) == coverage.UNKNOWN


def test_a_window_is_not_final_where_its_partition_ends_too_early() -> None:
    """Where it can't be told which partition it is of, all have to have got there."""
    early = covered(finalised={0: BEGIN + 5 * MINUTE, 1: INTERVAL.end})
    assert why(early, window(0, 5)) is None
    assert why(early, window(MINUTE, 5)) == coverage.OPEN
    assert why(early, window(MINUTE, 5, partition=1)) is None
    assert why(early, window(MINUTE, 5, partition=None)) == coverage.OPEN
    assert why(early, window(0, 5, partition=2)) == coverage.OPEN


def test_live_may_not_have_folded_it_yet() -> None:
    """Where it has never folded anything, it says nothing, and that is compared."""
    assert why(covered(live=199), window(0, 5)) == coverage.AHEAD
    new = covered()
    new.committed = {}
    assert why(new, window(0, 5), in_live=False) is None


def test_records_may_have_been_deleted_before_they_were_replayed() -> None:
    """What begins later than all that can be missing is compared."""
    cut = covered(history(0, known_from=BEGIN + 10 * MINUTE), history(1))
    assert why(cut, window(9 * MINUTE, 1)) == coverage.DELETED
    assert why(cut, window(10 * MINUTE, 1)) is None
    assert why(cut, window(0, 1, partition=1)) is None


def test_results_of_live_may_have_been_deleted() -> None:
    """Then their absence says nothing."""
    old = covered()
    old.kept_from = {"candles": BEGIN + 10 * MINUTE}
    assert why(old, window(0, 1), in_live=False) == coverage.FORGOTTEN
    assert why(old, window(0, 1), in_live=True) is None
    assert why(old, window(10 * MINUTE, 1), in_live=False) is None


def test_windows_of_another_length_are_not_made_here() -> None:
    """Such as those of a pipeline that is not replayed."""
    assert why(covered(), window(0, 7)) == coverage.OTHERS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("ticks-0-110", None),
        ("ticks-0-189", None),
        ("ticks-0-109", coverage.ELSEWHERE),
        ("ticks-0-190", coverage.ELSEWHERE),
        ("ticks-0-150,ticks-1-109", coverage.BEYOND),
        ("daily-gains-0-5", coverage.MADE_ANEW),
        ("others-0-5", coverage.ELSEWHERE),
        ("", coverage.UNKNOWN),
    ],
)
def test_a_record_of_a_log_is_compared_where_its_source_is_in_the_interval(
    source: str, reason: str | None
) -> None:
    """As stream time divides the partition; of several sources, all of them."""
    result = Found(b"{}", None, None, None, source)
    assert why(covered(), result, TICKS_LATE) == reason


def test_a_period_is_compared_where_all_of_it_is_inside() -> None:
    """By the name of its key, whether a side has it or not."""
    ranking = Found(b"{}", None, None, None, "")
    assert why(covered(), ranking, TOP_GAINERS) == coverage.BEYOND
    day = Interval(BEGIN - 10 * HOUR, BEGIN + 14 * HOUR)
    parts = [history(number, known_from=day.begin) for number in (0, 1)]
    early = covered(*parts, finalised={0: day.end - 1, 1: day.end}, interval=day)
    assert why(early, ranking, TOP_GAINERS) == coverage.OPEN
    whole = covered(*parts, finalised={0: day.end, 1: day.end}, interval=day)
    assert why(whole, ranking, TOP_GAINERS) is None


def test_a_surge_is_a_window_too() -> None:
    """Its topic has one partition, its record names that of the source."""
    assert why(covered(finalised={0: 0, 1: INTERVAL.end}), window(0, 1, 1), SURGES) is None


def keyed(*, made_anew: bool) -> tuple[Entries, Selection]:
    """Give the topic that a table of keys writes, which is folded from ticks or from surges."""
    host = TickApp(Settings(), broker="kafka://127.0.0.1:1", TableManager=TaskTableManager)
    alerts = Topic("alerts", "symbol", Surge, "what a table of keys sends")
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
    """It is compared where there is nothing older, or where somebody says it does not matter."""
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
    assert "offset" in entries.ignored
