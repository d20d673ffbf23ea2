"""What was not let through, counted by why."""

from prometheus_client import Counter

REFUSED = Counter(
    "tickstream_http_refused_total",
    "HTTP requests and connections that were refused to protect the worker",
    ["reason"],
)

for _reason in ("address", "body", "connections", "credentials", "head", "host", "rate", "role",
                "slow"):  # fmt: skip
    REFUSED.labels(_reason)


def note(reason: str) -> None:
    """Count one more."""
    REFUSED.labels(reason).inc()
