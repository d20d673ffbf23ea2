"""Latest surge of each symbol, with all symbols in one partition.

Grouped by the days on which they ended, so that old ones expire.

Written by `agents/surges.py`; read by the web's `/api/surges`.
"""

from heapq import nsmallest

from app import app
from app.market.gains import day_of
from app.market.records import Surge
from app.market.settings import DAY
from app.market.topics import SURGES, TICKS
from eventfold.engine.top_n_table import TopNResult, TopNTable


def newest_first(result: TopNResult) -> list[Surge]:
    """Return the record of one day: the latest surge of each symbol, the newest first."""
    return sorted(result.rows, key=_newest_first)


def _newest_first(surge: Surge) -> tuple[int, str]:
    return -surge.end, surge.symbol


class LatestSurges(TopNTable):
    """Grouped table of surges by day and symbol."""

    def newest(self, limit: int) -> list[Surge] | None:
        """Return the latest surge of each symbol, the newest `limit` of them; None if not local."""
        states = list(self._group_states())
        found: dict[str, Surge] = {}
        for state in states:
            for start in reversed(state.starts()):
                result = state.result(start)
                for surge in result.rows if result else ():
                    found.setdefault(surge.symbol, surge)
                if len(found) >= limit:
                    break
        return nsmallest(limit, found.values(), key=_newest_first) if states else None


latest_surges = LatestSurges(
    app,
    name="latest-surges",
    source=SURGES,
    group=lambda surge: surge.end // DAY.size * DAY.size,
    period=DAY.size,
    period_name=day_of,
    row=lambda surge: surge,
    row_type=Surge,
    record=newest_first,
    origin=lambda surge: (surge.partition, surge.end),
    inputs=range(TICKS.of(app.settings).partition_count()),
    retention=DAY.size,
    help="The latest surge of each symbol",
)
