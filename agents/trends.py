"""ticks -> closes (the final 5 minutes of each symbol) -> closes -> trends -> trend-signals.

Both tables are co-partitioned with `ticks`, as is the topic `closes`.
"""

from app.market.topics import CLOSES
from tables.closes import closes
from tables.trends import trends

__all__ = ["closes", "trends"]

closes.publish(CLOSES)
