"""The gains of one partition's symbols, day by day: the first of two stages of the rankings.

Used where TICKSTREAM_RANKING_STAGES is 2. One partition can't take in the days of all symbols
where there are very many; of the best of each partition it can.

Written by `agents/gainers.py`; nobody reads it but people.
"""

from app.market.gains import contenders, day_of, gainer, start_of
from app.market.records import BestGains, Gainer
from app.market.topics import PARTITION_GAINS
from app.settings import DAY, settings
from eventfold.engine.group_table import GroupResult, GroupTable
from eventfold.engine.table import Host


def best_gains(result: GroupResult) -> BestGains:
    """Make the record of one day: who of this partition may be among the ten."""
    rows = contenders(result.rows)
    return BestGains(result.key, rows, result.time, result.partition, result.stream_time)


def rank_partitions(host: Host) -> GroupTable:
    """Declare the table."""
    return GroupTable(
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
        # The next stage keeps the latest of each partition.
        published_key=lambda result: str(result.partition),
        help="The gains of one partition's symbols, day by day, and the best of them",
    )
