"""Gains of all symbols, by day, in one partition, and three rankings of them.

Written by `agents/gainers.py`; read by the web's `/api/top-gainers`, `/api/top-losers` and
`/api/most-active`.
"""

from collections.abc import Callable
from typing import Any

from app import app
from app.market.gains import bottom, day_of, gainer, most_active, start_of, top
from app.market.records import BestGains, Gainer, MostActive, TopGainers, TopLosers
from app.market.settings import DAY, settings
from app.market.topics import BEST_GAINS, DAILY_GAINS, TICKS
from eventfold.engine.table import Host
from eventfold.engine.top_n_table import TopNResult, TopNTable
from eventfold.topics import Topic


def ranking(result: TopNResult) -> TopGainers:
    """Return the record of one day: its ten best."""
    return TopGainers(result.key, top(_rows(result)), result.time, result.revision)


def losers(result: TopNResult) -> TopLosers:
    """Return the record of one day: its ten worst."""
    return TopLosers(result.key, bottom(_rows(result)), result.time, result.revision)


def active(result: TopNResult) -> MostActive:
    """Return the record of one day: the ten with the largest volume."""
    return MostActive(result.key, most_active(_rows(result)), result.time, result.revision)


def _rows(result: TopNResult) -> list[Gainer]:
    """Return the rows of all symbols; after a first stage a row is the list of one partition."""
    rows: list[Gainer] = []
    for each in result.rows:
        rows += each if isinstance(each, list) else [each]
    return rows


class Gainers(TopNTable):
    """Grouped table of gains by day and symbol."""

    def top(self, day: str | None = None) -> TopGainers | None:
        """Return the ten best of a day (YYYY-MM-DD), by default the latest; None if not local."""
        result = self._day(day)
        return None if result is None else ranking(result)

    def losers(self, day: str | None = None) -> TopLosers | None:
        """Return the ten worst of a day, as `top` does."""
        result = self._day(day)
        return None if result is None else losers(result)

    def most_active(self, day: str | None = None) -> MostActive | None:
        """Return the ten of a day with the largest volume, as `top` does."""
        result = self._day(day)
        return None if result is None else active(result)

    def days(self) -> list[str]:
        """Return the days that are kept locally, oldest first."""
        return self.period_names()

    def _day(self, day: str | None) -> TopNResult | None:
        return self.group_result(None if day is None else start_of(day))


def rank_all(host: Host) -> Gainers:
    """Declare the table over the gains of all symbols."""
    return _rank(host, DAILY_GAINS, gainer, Gainer)


def rank_best(host: Host) -> Gainers:
    """Declare the table over the best gains of each partition."""
    return _rank(host, BEST_GAINS, _best, list[Gainer])


def _best(best: BestGains) -> list[Gainer]:
    return best.rows


def _rank(host: Host, source: Topic, row: Callable[[Any], Any], row_type: Any) -> Gainers:
    return Gainers(
        host,
        name="gainers",
        source=source,
        group=lambda record: start_of(record.day),
        period=DAY.size,
        period_name=day_of,
        row=row,
        row_type=row_type,
        record=ranking,
        origin=lambda record: (record.partition, record.stream_time),
        inputs=range(TICKS.of(host.tasks.conf).partition_count()),
        retention=settings().retention,
        help="The gains of all symbols, day by day; the ten best are top-gainers",
    )


gainers = rank_best(app) if settings().ranking_stages == 2 else rank_all(app)
