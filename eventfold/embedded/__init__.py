"""Embedded broker: Apache Kafka as a child process, for users without a broker.

`EmbeddedBroker` is the service that `faust -A app broker` and `up` run; `LocalBroker` is the same
for code without an event loop (tests, benchmarks).
"""

from eventfold.embedded.broker import EmbeddedBroker
from eventfold.embedded.errors import BrokerError
from eventfold.embedded.local import LocalBroker
from eventfold.embedded.properties import Node

__all__ = ["BrokerError", "EmbeddedBroker", "LocalBroker", "Node"]
