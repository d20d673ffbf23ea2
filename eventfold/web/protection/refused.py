"""Counter of refused requests and connections, by reason."""

from prometheus_client import Counter

REFUSED = Counter(
    "eventfold_http_refused_total",
    "HTTP requests and connections that were refused to protect the worker",
    ["reason"],
)

# Series start at 0, so that Prometheus sees a first refusal as an increase.
REASONS = (
    *("body", "connections", "credentials", "head", "host", "origin", "rate", "role", "share"),
    "slow",
)
for _reason in REASONS:
    REFUSED.labels(_reason)


def count_refusal(reason: str) -> None:
    """Count one refusal for a reason of `REASONS`."""
    REFUSED.labels(reason).inc()
