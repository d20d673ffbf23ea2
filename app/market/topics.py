"""Topics of the market.

ticks -> candles, ticks-late; ticks -> daily-gains -> top-gainers, top-losers, most-active
ticks -> surges; ticks -> closes -> trend-signals
"""

from app.market.records import (
    BestGains,
    DailyGain,
    LateTick,
    MostActive,
    Surge,
    Tick,
    TopGainers,
    TopLosers,
    TrendSignal,
)
from eventfold.records.candles import Candle
from eventfold.topics import DAY, Topic

TICKS = Topic("ticks", Tick, key="symbol", purpose="trades of the market", external=True)
CANDLES = Topic(
    "candles",
    Candle,
    key="symbol",
    purpose="windows of each symbol; the highest revision of a window holds",
    retention=8 * DAY,
)
TICKS_LATE = Topic("ticks-late", LateTick, key="symbol", purpose="ticks after their grace")
DAILY_GAINS = Topic(
    "daily-gains",
    DailyGain,
    key="symbol",
    purpose="each symbol's day so far, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    identity=("day",),
    processing=("stream_time",),
)
#: These two replace daily-gains if TICKSTREAM_RANKING_STAGES is 2.
PARTITION_GAINS = Topic(
    "partition-gains",
    DailyGain,
    key="symbol",
    purpose="each symbol's day so far, partitioned as ticks",
    retention=8 * DAY,
    internal=True,
)
BEST_GAINS = Topic(
    "best-gains",
    BestGains,
    key="partition",
    purpose="of each partition those that may be among the ten, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    keyed=False,
    internal=True,
)
TOP_GAINERS = Topic(
    "top-gainers",
    TopGainers,
    key="day",
    purpose="the ten best of each day",
    partitions=1,
    compacted=True,
)
TOP_LOSERS = Topic(
    "top-losers",
    TopLosers,
    key="day",
    purpose="the ten worst of each day",
    partitions=1,
    compacted=True,
)
MOST_ACTIVE = Topic(
    "most-active",
    MostActive,
    key="day",
    purpose="the ten of each day with the largest volume",
    partitions=1,
    compacted=True,
)
SURGES = Topic(
    "surges",
    Surge,
    key="symbol",
    purpose="minutes in which a price moved much, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    time="end",
)
CLOSES = Topic(
    "closes",
    Candle,
    key="symbol",
    purpose="the final 5 minutes of each symbol, in order, each once",
    retention=8 * DAY,
    time="end",
)
TREND_SIGNALS = Topic(
    "trend-signals",
    TrendSignal,
    key="symbol",
    purpose="buy and sell: the average of 38 closes has crossed that of 100",
    time="end",
)
