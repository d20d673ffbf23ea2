"""Gains of all symbols, by day, in one partition, and three rankings of them.

Written by `agents/gainers.py`; read by the web's `/api/top-gainers`, `/api/top-losers` and
`/api/most-active`.
"""

from collections.abc import Callable
from typing import Any

from app import app
from app.market.gains import day_of, gainer, start_of
from app.market.rankings import best
from app.market.records import BestGains, Gainer
from app.market.settings import DAY, settings
from app.market.topics import BEST_GAINS, DAILY_GAINS, TICKS
from eventfold.engine.table import Host
from eventfold.engine.top_n_table import TopNTable
from eventfold.topics import Topic


def rank_all(host: Host) -> TopNTable:
    """Declare the table over the gains of all symbols."""
    return _rank(host, DAILY_GAINS, gainer, Gainer)


def rank_best(host: Host) -> TopNTable:
    """Declare the table over the best gains of each partition."""
    return _rank(host, BEST_GAINS, _best, list[Gainer])


def _best(best: BestGains) -> list[Gainer]:
    return best.rows


def _rank(host: Host, source: Topic, row: Callable[[Any], Any], row_type: Any) -> TopNTable:
    return TopNTable(
        host,
        name="gainers",
        source=source,
        group=lambda record: start_of(record.day),
        period=DAY.size,
        period_name=day_of,
        row=row,
        row_type=row_type,
        record=best,
        origin=lambda record: (record.partition, record.stream_time),
        inputs=range(TICKS.of(host.tasks.conf).partition_count()),
        retention=settings().retention,
        help="The gains of all symbols, day by day; the ten best are top-gainers",
    )


gainers = rank_best(app) if settings().ranking_stages == 2 else rank_all(app)
