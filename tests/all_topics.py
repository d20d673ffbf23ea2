"""ALL topics of this repository's use cases, and those that every application has."""

from app.beaconing.topics import BEACONS, CONN_EVENTS, CONN_EVENTS_AVRO
from app.fraud.topics import ALERTS, PAYMENTS
from app.hotel.topics import GUEST_EVENTS, GUEST_LOG, GUESTS, SERVICE_ACTIONS
from app.logs.topics import LOGS, LOGS_BY_CLASS
from app.maintenance.topics import MAINTENANCE, READINGS
from app.market.topics import (
    CANDLES,
    CLOSES,
    DAILY_GAINS,
    MOST_ACTIVE,
    SURGES,
    TICKS,
    TICKS_LATE,
    TOP_GAINERS,
    TOP_LOSERS,
    TREND_SIGNALS,
)
from app.settings import Settings
from app.shop.topics import (
    CLICK_THROUGH,
    CLICKS,
    CLICKS_AND_PROFILES,
    CLICKS_ENRICHED,
    PROFILES,
    SEARCH_ALONE,
    SEARCH_CLICKS,
    SEARCH_OUTCOMES,
    SEARCHES,
    SEARCHES_AND_CLICKS,
)
from app.transactions.topics import (
    RULES,
    TRANSACTION_CHECKS,
    TRANSACTIONS,
    TRANSACTIONS_REJECTED,
    TRANSACTIONS_VALIDATED,
)
from eventfold.topics import DEAD_LETTERS, OWNERS, SCHEMAS

DECLARED = (
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

#: With the names that they have by default.
ALL = tuple(topic.of(Settings()) for topic in DECLARED)
