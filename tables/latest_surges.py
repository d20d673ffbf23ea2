"""Latest surge of each symbol, with all symbols in one partition.

Grouped by the days on which they ended, so that old ones expire.

Written by `agents/surges.py`; read by the web's `/api/surges`.
"""

from app import app
from app.market.gains import day_of
from app.market.rankings import newest_first
from app.market.records import Surge
from app.market.settings import DAY
from app.market.topics import SURGES, TICKS
from eventfold.engine.top_n_table import TopNResult, TopNTable


def by_time(result: TopNResult) -> list[Surge]:
    """Return the record of one day: the latest surge of each symbol, the newest first."""
    return sorted(result.rows, key=newest_first)


latest_surges = TopNTable(
    app,
    name="latest-surges",
    source=SURGES,
    group=lambda surge: surge.end // DAY.size * DAY.size,
    period=DAY.size,
    period_name=day_of,
    row=lambda surge: surge,
    row_type=Surge,
    record=by_time,
    origin=lambda surge: (surge.partition, surge.end),
    inputs=range(TICKS.of(app.settings).partition_count()),
    retention=DAY.size,
    help="The latest surge of each symbol",
)
