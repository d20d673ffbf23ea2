"""ALL topics, in pipeline order: the map of the product.

A record's way is read top-down here: each pipeline's topics follow one another, and
`agents/` holds the step between each two of them. What an application writes has the prefix
TICKSTREAM_TOPIC_PREFIX, what is between two of its steps the application id as well.
"""

from app import records
from app.calc.logs import read_line
from app.records.connections_avro import CONNECTIONS
from eventfold.topics import DAY, DEAD_LETTERS, OWNERS, SCHEMAS, Timestamp, Topic

# -- candles, gainers: ticks -> candles -> daily-gains -> top-gainers, top-losers, most-active

TICKS = Topic("ticks", "symbol", records.Tick, "trades of the market", external=True)
CANDLES = Topic(
    "candles",
    "symbol",
    records.Candle,
    "windows of each symbol; the highest revision of a window holds",
    retention=8 * DAY,
)
TICKS_LATE = Topic("ticks-late", "symbol", records.LateTick, "ticks after their grace")
DAILY_GAINS = Topic(
    "daily-gains",
    "symbol",
    records.DailyGain,
    "each symbol's day so far, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    identity=("day",),
    processing=("stream_time",),
)
#: These two are made and used instead of daily-gains where TICKSTREAM_RANKING_STAGES is 2.
PARTITION_GAINS = Topic(
    "partition-gains",
    "symbol",
    records.DailyGain,
    "each symbol's day so far, partitioned as ticks",
    retention=8 * DAY,
    internal=True,
)
BEST_GAINS = Topic(
    "best-gains",
    "partition",
    records.BestGains,
    "of each partition those that may be among the ten, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    keyed=False,
    internal=True,
)
TOP_GAINERS = Topic(
    "top-gainers",
    "day",
    records.TopGainers,
    "the ten best of each day",
    partitions=1,
    compacted=True,
)
TOP_LOSERS = Topic(
    "top-losers",
    "day",
    records.TopLosers,
    "the ten worst of each day",
    partitions=1,
    compacted=True,
)
MOST_ACTIVE = Topic(
    "most-active",
    "day",
    records.MostActive,
    "the ten of each day with the largest volume",
    partitions=1,
    compacted=True,
)

# -- surges: ticks -> surges

SURGES = Topic(
    "surges",
    "symbol",
    records.Surge,
    "minutes in which a price moved much, from all partitions into one",
    partitions=1,
    retention=8 * DAY,
    time="end",
)

# -- trends: ticks -> closes -> trend-signals

CLOSES = Topic(
    "closes",
    "symbol",
    records.Candle,
    "the final 5 minutes of each symbol, in order, each once",
    retention=8 * DAY,
    time="end",
)
TREND_SIGNALS = Topic(
    "trend-signals",
    "symbol",
    records.TrendSignal,
    "buy and sell: the average of 38 closes has crossed that of 100",
    time="end",
)

# -- logs: logs -> logs-critical, logs-error, logs-warning, logs-info

LOGS = Topic(
    "logs",
    "host",
    records.LogLine,
    "lines of logs: JSON objects or syslog, under any key or none",
    partitions=3,
    retention=8 * DAY,
    # Lines say their time in many ways, or not at all.
    time=Timestamp.CREATE,
    keyed=False,
    read=read_line,
    external=True,
)
LOGS_BY_CLASS = {
    name: Topic(f"logs-{name}", "host", records.LogLine, f"lines that say: {words}", partitions=3)
    for name, words in {
        "critical": "emergency, alert, critical (RFC 5424's 0 to 2)",
        "error": "error (3)",
        "warning": "warning (4)",
        "info": "notice, info, debug (5 to 7)",
    }.items()
}

# -- connections

CONN_EVENTS = Topic(
    "conn-events",
    "source",
    records.Connection,
    "connections between hosts; the guide's example sends prices here",
    partitions=3,
    external=True,
)
CONN_EVENTS_AVRO = Topic(
    "conn-events-avro",
    "source",
    records.Connection,
    "the same as Avro, each with the id of its schema",
    partitions=3,
    read=CONNECTIONS.read,
    write=CONNECTIONS,
)

# -- beaconing: conn-events -> beacons

BEACONS = Topic(
    "beacons",
    "source",
    records.Beacon,
    "hosts that contact a destination at regular intervals",
    partitions=3,
)

# -- fraud: payments -> alerts

PAYMENTS = Topic(
    "payments", "card", records.Payment, "payments by card", partitions=3, external=True
)
ALERTS = Topic(
    "alerts",
    "card",
    records.Alert,
    "payments that do not look like their card's owner, and why",
    partitions=3,
)

# -- maintenance: readings -> maintenance

READINGS = Topic(
    "readings",
    "machine",
    records.Reading,
    "what machines' sensors read",
    partitions=3,
    external=True,
)
MAINTENANCE = Topic(
    "maintenance",
    "machine",
    records.Maintenance,
    "machines that drift, jump or are silent",
    partitions=3,
)

# -- hotel: guests, guest-events -> guest-log -> service-actions

GUESTS = Topic(
    "guests",
    "guest",
    records.Guest,
    "profiles of a hotel's guests; a tombstone forgets one",
    partitions=3,
    compacted=True,
    tombstone=records.GuestForgotten,
    external=True,
)
GUEST_EVENTS = Topic(
    "guest-events",
    "guest",
    records.GuestEvent,
    "reservations, arrivals, complaints, responses, departures",
    partitions=3,
    external=True,
)
GUEST_LOG = Topic(
    "guest-log",
    "guest",
    records.GuestEvent | records.GuestProfile | records.GuestForgotten,
    "both in one order",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SERVICE_ACTIONS = Topic(
    "service-actions",
    "guest",
    records.ServiceAction,
    "guests who wait for too long",
    partitions=3,
)

# -- transactions: transactions, rules -> transaction-checks -> transactions-validated, -rejected

TRANSACTIONS = Topic(
    "transactions",
    "card",
    records.Transaction,
    "payments by card, cancellations and corrections of them",
    partitions=3,
    external=True,
)
RULES = Topic(
    "rules",
    "id",
    records.Rule,
    "rules as the database has them, each change of them",
    partitions=1,
    compacted=True,
    tombstone=records.RuleDeleted,
)
TRANSACTION_CHECKS = Topic(
    "transaction-checks",
    "card",
    records.Check | records.RuleChange,
    "transactions by card, and each change of the rules in each partition",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
TRANSACTIONS_VALIDATED = Topic(
    "transactions-validated",
    "card",
    records.Validated,
    "transactions that break no rule",
    partitions=3,
)
TRANSACTIONS_REJECTED = Topic(
    "transactions-rejected",
    "card",
    records.Rejected,
    "transactions that do, and which",
    partitions=3,
)

# -- searches: searches, clicks -> searches-and-clicks -> search-clicks, search-alone
# --                      searches, search-clicks -> search-outcomes -> click-through

SEARCHES = Topic(
    "searches", "user", records.Search, "what visitors search", partitions=3, external=True
)
CLICKS = Topic(
    "clicks", "user", records.Click, "what visitors click on", partitions=3, external=True
)
SEARCHES_AND_CLICKS = Topic(
    "searches-and-clicks",
    "user",
    records.Searched | records.Clicked,
    "both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
SEARCH_CLICKS = Topic(
    "search-clicks",
    "user",
    records.SearchClick,
    "searches with each of their clicks",
    partitions=3,
)
SEARCH_ALONE = Topic(
    "search-alone",
    "user",
    records.SearchAlone,
    "searches without a click, clicks without a search",
    partitions=3,
)
SEARCH_OUTCOMES = Topic(
    "search-outcomes",
    "query",
    records.SearchOutcome,
    "searches, and the first click on what each found, by query",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICK_THROUGH = Topic(
    "click-through",
    "query",
    records.ClickThrough,
    "how many searches of a query lead to a click; the highest revision of a window holds",
    partitions=3,
    retention=8 * DAY,
    time="end",
)

# -- clicks: clicks, profiles -> clicks-and-profiles -> clicks-enriched

PROFILES = Topic(
    "profiles",
    "user",
    records.Profile,
    "who visitors are",
    partitions=3,
    compacted=True,
    tombstone=records.ProfileDeleted,
    external=True,
)
CLICKS_AND_PROFILES = Topic(
    "clicks-and-profiles",
    "user",
    records.Clicked | records.ProfileChanged | records.ProfileDeleted,
    "both in one order, by user",
    partitions=3,
    retention=8 * DAY,
    internal=True,
)
CLICKS_ENRICHED = Topic(
    "clicks-enriched",
    "user",
    records.EnrichedClick,
    "clicks with the profile of their user",
    partitions=3,
)


ALL = (
    TICKS,
    CANDLES,
    TICKS_LATE,
    DAILY_GAINS,
    TOP_GAINERS,
    TOP_LOSERS,
    MOST_ACTIVE,
    SURGES,
    CLOSES,
    TREND_SIGNALS,
    LOGS,
    *LOGS_BY_CLASS.values(),
    CONN_EVENTS,
    CONN_EVENTS_AVRO,
    SCHEMAS,
    BEACONS,
    PAYMENTS,
    ALERTS,
    READINGS,
    MAINTENANCE,
    GUESTS,
    GUEST_EVENTS,
    GUEST_LOG,
    SERVICE_ACTIONS,
    TRANSACTIONS,
    RULES,
    TRANSACTION_CHECKS,
    TRANSACTIONS_VALIDATED,
    TRANSACTIONS_REJECTED,
    SEARCHES,
    CLICKS,
    SEARCHES_AND_CLICKS,
    SEARCH_CLICKS,
    SEARCH_ALONE,
    SEARCH_OUTCOMES,
    CLICK_THROUGH,
    PROFILES,
    CLICKS_AND_PROFILES,
    CLICKS_ENRICHED,
    DEAD_LETTERS,
    OWNERS,
)
