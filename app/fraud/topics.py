"""Topics of fraud: payments -> alerts."""

from app.fraud.records import Alert, Payment
from eventfold.topics import Topic

PAYMENTS = Topic(
    "payments", Payment, key="card", purpose="payments by card", partitions=3, external=True
)
ALERTS = Topic(
    "alerts",
    Alert,
    key="card",
    purpose="payments that do not look like their card's owner, and why",
    partitions=3,
)
