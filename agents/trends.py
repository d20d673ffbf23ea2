"""ticks -> closes (the final 5 minutes of each symbol) -> closes -> trends -> trend-signals.

Both tables are co-partitioned with `ticks`, as is the topic `closes`.
"""

from app import app
from app.market.topics import CLOSES
from tables.closes import closes
from tables.trends import trends

closes.publish(CLOSES)

fold_ticks = app.fold(closes)
fold_closes = app.fold(trends)
