"""Apache Kafka as a child process, for people without a broker.

`EmbeddedBroker` is the service that `faust -A app broker` and `up` run; `LocalBroker` is the same
for code without an event loop (tests, benchmarks).
"""

from app.embedded.broker import EmbeddedBroker
from app.embedded.errors import BrokerError
from app.embedded.local import LocalBroker

__all__ = ["BrokerError", "EmbeddedBroker", "LocalBroker"]
