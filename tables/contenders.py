"""Gains of one partition's symbols, by day: the first of two stages of the rankings.

Used if TICKSTREAM_RANKING_STAGES is 2. A single partition can't process the days of very many
symbols, but it can process the best of each partition.

Written by `agents/gainers.py`; read only by people.
"""

from app.market.gains import contenders, day_of, gainer, start_of
from app.market.records import BestGains, Gainer
from app.market.settings import DAY, settings
from app.market.topics import PARTITION_GAINS
from eventfold.engine.table import Host
from eventfold.engine.top_n_table import TopNResult, TopNTable


def best_gains(result: TopNResult) -> BestGains:
    """Return the record of one day: the symbols of this partition that may be among the ten."""
    rows = contenders(result.rows)
    return BestGains(result.key, rows, result.time, result.partition, result.stream_time)


def rank_partitions(host: Host) -> TopNTable:
    """Declare the table over the gains of one partition's symbols."""
    return TopNTable(
        host,
        name="contenders",
        source=PARTITION_GAINS,
        group=lambda gain: start_of(gain.day),
        period=DAY.size,
        period_name=day_of,
        row=gainer,
        row_type=Gainer,
        record=best_gains,
        origin=lambda gain: (gain.partition, gain.stream_time),
        inputs=(),
        retention=settings().retention,
        # The next stage keeps the latest record of each partition.
        published_key=lambda result: str(result.partition),
        help="The gains of one partition's symbols, day by day, and the best of them",
    )
