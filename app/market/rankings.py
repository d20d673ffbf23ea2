"""Rankings of a day, and the latest surges: what grouped tables of the market answer."""

from collections.abc import Callable
from heapq import nsmallest
from typing import TypeVar

from app.market.gains import bottom, most_active, start_of, top
from app.market.records import Gainer, MostActive, Surge, TopGainers, TopLosers
from eventfold.engine.top_n_table import TopNResult, TopNTable

Ranking = TypeVar("Ranking", TopGainers, TopLosers, MostActive)


def best(result: TopNResult) -> TopGainers:
    """Return the record of one day: its ten best."""
    return TopGainers(result.key, top(_rows(result)), result.time, result.revision)


def worst(result: TopNResult) -> TopLosers:
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


def ranked(
    table: TopNTable, ranking: Callable[[TopNResult], Ranking], day: str | None = None
) -> Ranking | None:
    """Return a ranking of a day (YYYY-MM-DD), by default the latest; None if not local."""
    result = table.group_result(None if day is None else start_of(day))
    return None if result is None else ranking(result)


def newest_surges(table: TopNTable, limit: int) -> list[Surge] | None:
    """Return the latest surge of each symbol, the newest `limit` of them; None if not local."""
    if not table.partitions:
        return None
    found: dict[str, Surge] = {}
    for result in table.group_results():
        for surge in result.rows:
            found.setdefault(surge.symbol, surge)
        if len(found) >= limit:
            break
    return nsmallest(limit, found.values(), key=newest_first)


def newest_first(surge: Surge) -> tuple[int, str]:
    """Return the place of a surge in the order of those that ended last, ties by symbol."""
    return -surge.end, surge.symbol
