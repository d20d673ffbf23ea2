"""Workers that answer over real HTTP, with tables that are filled by hand."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust

from app.market.gains import day_of, start_of
from app.market.records import Gainer, TopGainers
from app.market.topics import DAILY_GAINS, TICKS
from app.settings import settings
from app.worker import TickApp
from eventfold.engine.progress import Progress
from eventfold.engine.table import StateTable
from eventfold.engine.top_n_table import TopNResult
from eventfold.engine.window_table import WindowTable
from eventfold.records.candles import Candle
from eventfold.topics import Topic
from eventfold.web.dashboard import Page
from eventfold.web.faust_views import Router
from eventfold.web.server import Server
from eventfold.windows import WindowResult
from eventfold.windows.fixed import Window, parse_windows

MINUTE = 60_000
#: 2026-01-31T14:30:00Z.
NOON = 1_769_869_800_000


MARKET_PAGE = Path(__file__).parents[3] / "app" / "market" / "dashboard" / "page.html"


class WebApp(faust.App):
    """A Faust application that never meets a broker."""

    #: No definitions: tables are put in by hand.
    tasks = SimpleNamespace(tables=[], topics={}, conf=settings())
    settings = settings()
    routes = TickApp.routes
    title = TickApp.title
    pages = (Page("market", "Market", "market/page.js", "market/page.css", MARKET_PAGE),)
    static_files = TickApp.static_files

    def _new_web(self) -> Server:
        return Server(self)


class _ByHand:
    """Table as the web reads it; `shelf` is its partitions' rows by key."""

    def put(self, app: WebApp, name: str, source: Topic, shelf: Mapping[int, Any]) -> None:
        self.app, self.name, self.source = app, name, source.of(app.settings)
        self.help = f"{name} by hand"
        self.shelf = dict(shelf)
        self.restores: list[Progress] = []
        #: It writes none.
        self.publications: list[Any] = []
        self.sends: list[Any] = []
        self._states_by_rows: dict[tuple[int, int], Any] = {}
        #: Rows by key of the partitions that are followed for others, and how far behind they are.
        self.followed: dict[int, Any] = {}
        self.behind_by = 0
        app.tables.data[name] = self

    @property
    def ready(self) -> bool:
        return True

    @property
    def partitions(self) -> list[int]:
        return sorted(self.shelf)

    @property
    def restoring(self) -> list[Progress]:
        return self.restores

    @property
    def standby(self) -> list[int]:
        return sorted(self.followed)

    def standby_state(self, partition: int) -> Any:
        """Return the state of a partition that is followed, None if it is not."""
        if partition not in self.followed:
            return None
        meta = SimpleNamespace(stream_time=NOON)
        rows = self.followed[partition]
        return SimpleNamespace(table=self, partition=partition, meta=meta, rows=rows)

    def standby_lag(self, partition: int) -> int:
        """Return how far a partition that is followed is behind, else 0."""
        return self.behind_by if partition in self.followed else 0

    @contextmanager
    def reading(self, states: Iterable[Any]) -> Iterator[None]:
        """Answer from what is followed."""
        shelf, self.shelf = self.shelf, {state.partition: state.rows for state in states}
        try:
            yield
        finally:
            self.shelf = shelf

    def each_row(self, key: str) -> Iterator[Any]:
        return iter(self.rows_of(key))

    def each_key(self) -> Iterator[str]:
        return iter([key for rows in self.shelf.values() for key in rows])

    def open_states(self) -> list[Any]:
        """Return the state of each partition, the same object while it has the same rows."""
        states = self._states_by_rows
        for partition, rows in self.shelf.items():
            if (partition, id(rows)) not in states:
                states[partition, id(rows)] = self._state_of(partition, rows)
        return [states[partition, id(rows)] for partition, rows in self.shelf.items()]

    def _state_of(self, partition: int, rows: Any) -> Any:
        return SimpleNamespace(partition=partition, rows=rows)

    def rows_of(self, key: str) -> list[Any]:
        return [row for rows in self.shelf.values() for row in rows.get(key, [])]

    def __hash__(self) -> int:
        return id(self)


def _of_row(row: Any, window: Window) -> WindowResult:
    """Return the result whose record is `row`."""
    name, start, end, offset = row.symbol, row.start, row.end, row.last_offset
    evidence = row.count, row.first_offset, offset, row.late, row.final, row.revision
    return WindowResult(
        name, window, start, end, row, *evidence, row.partition, end, lambda *_: None
    )


class Windows(_ByHand, WindowTable):
    """A table of windows, one row each."""

    def __init__(self, app: WebApp, name: str, windows: str, shelf: Mapping[int, Any]) -> None:
        self.put(app, name, TICKS, shelf)
        self.windows = parse_windows(windows)
        longest = max(window.longest for window in self.windows)
        self.strategy: Any = SimpleNamespace(longest=longest, follows_data=False)
        self.grace = 5 * MINUTE
        self.record_type = Candle
        #: Partition → how late its records came: ms behind stream time → records.
        self.behind: dict[int, dict[int, int]] = {}

    @staticmethod
    def record(result: WindowResult) -> Any:
        """Return the row."""
        return result.state

    def _state_of(self, partition: int, rows: Any) -> Any:
        reached = max((row.end for found in rows.values() for row in found), default=0)
        return SimpleNamespace(
            partition=partition,
            meta=SimpleNamespace(lateness=self.behind.get(partition, {}), stream_time=reached),
            keys_of=lambda *_: [key.encode() for key in rows],
        )

    def _window_states(self) -> list[Any]:
        return self.open_states()

    def span(self, key: str) -> tuple[int, int] | None:
        """Return start and end (ms) of the key's rows, None if there are none."""
        rows = self.rows_of(key)
        return (rows[0].start, rows[-1].end) if rows else None

    def results(self, key: str, window: Window, begin: int, end: int) -> list[WindowResult]:
        """Return the results of the rows that start in [begin, end)."""
        assert window in self.windows
        return [_of_row(row, window) for row in self.rows_of(key) if begin <= row.start < end]


class Gainers(_ByHand, StateTable):
    """A table of one ranking."""

    def __init__(self, app: WebApp, shelf: Mapping[int, Any]) -> None:
        self.put(app, "gainers", DAILY_GAINS, shelf)

    def group_result(self, start: int | None = None) -> TopNResult | None:
        """Return the rows of a day, by default of the only one; None if there are none."""
        found = self.rows_of("2026-01-31" if start is None else day_of(start))
        if not found:
            return None
        day = found[0]
        return TopNResult(day.day, start_of(day.day), day.rank, day.time, day.revision)

    def period_names(self) -> list[str]:
        """Return the days that have a ranking."""
        return self.keys()


# Nothing is folded here, so what folding needs doesn't have to be there.
for _table in (Windows, Gainers):
    _table.__abstractmethods__ = frozenset()


def candle(symbol: str, start: int, *, late: int = 0) -> Candle:
    """Return a window of a minute."""
    times = {"size": MINUTE, "advance": MINUTE, "start": start, "end": start + MINUTE}
    prices = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "vwap": None, "mean": 1.25}
    counts = {"volume": 7, "count": 4, "revision": 9, "final": True, "late": late}
    return Candle(
        symbol=symbol, **times, **prices, **counts, partition=0, first_offset=1, last_offset=4
    )


def ranking(day: str) -> TopGainers:
    """Return a ranking of one."""
    return TopGainers(day, [Gainer("AAA", 0.5, 1.0, 1.5, NOON)], NOON, 12)


class Worker:
    """A worker's web server on a port of its own."""

    def __init__(self, port: int) -> None:
        self.app = WebApp(
            f"web-{port}",
            broker="kafka://127.0.0.1:1",
            web_port=port,
            web_host="127.0.0.1",
            Router=Router,
        )
        self.url = f"http://127.0.0.1:{port}"

    def knows_owners(self, owners: Mapping[str, Mapping[str, list[int]]]) -> None:
        """Assign partitions to workers, as a rebalance would."""
        self.app.assignor.external_topic_distribution = dict(owners)


StartWorker = Callable[[], Awaitable[Worker]]
