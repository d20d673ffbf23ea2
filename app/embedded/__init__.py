"""Apache Kafka as a child process, for people without a broker.

`EmbeddedBroker` is the service that `faust -A app broker` and `up` run; `LocalBroker` is the same
for code without an event loop (tests, benchmarks); `LocalCluster` is several that replicate.
"""

from app.embedded.broker import EmbeddedBroker
from app.embedded.cluster import LocalCluster
from app.embedded.errors import BrokerError
from app.embedded.local import LocalBroker
from app.embedded.properties import Node

__all__ = ["BrokerError", "EmbeddedBroker", "LocalBroker", "LocalCluster", "Node"]
