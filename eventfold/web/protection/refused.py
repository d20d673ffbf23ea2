"""What was not let through, counted by why."""

from prometheus_client import Counter

REFUSED = Counter(
    "tickstream_http_refused_total",
    "HTTP requests and connections that were refused to protect the worker",
    ["reason"],
)

# At 0 from the start, so that a first refusal is seen as one.
REASONS = (
    *("body", "connections", "credentials", "head", "host", "origin", "rate", "role", "share"),
    "slow",
)
for _reason in REASONS:
    REFUSED.labels(_reason)


def note(reason: str) -> None:
    """Count one more."""
    REFUSED.labels(reason).inc()
