"""What was not let through, counted by why."""

from prometheus_client import Counter

REFUSED = Counter(
    "tickstream_http_refused_total",
    "HTTP requests and connections that were refused to protect the worker",
    ["reason"],
)

# At 0 from the start, so that a first refusal is seen as one.
for _reason in ("body", "connections", "credentials", "head", "host", "rate", "role", "slow"):
    REFUSED.labels(_reason)


def note(reason: str) -> None:
    """Count one more."""
    REFUSED.labels(reason).inc()
