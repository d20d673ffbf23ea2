"""The Kafka of a run: one broker behind a proxy, or three, of which one may be down.

Both start when they are made, and end with the `ending` they are given.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from coordinator_proxy import CoordinatorProxy
from local_cluster import LocalCluster

from eventfold.embedded import LocalBroker


class OneBroker:
    """One broker without a stand-in; its transactions can be frozen while fetching goes on."""

    #: Whether all brokers may be down, and how many replicas a topic has.
    may_be_away, replicas = True, 1

    def __init__(self, directory: Path, _: str, ending: ExitStack) -> None:
        self._proxy = ending.enter_context(CoordinatorProxy())
        self._broker = ending.enter_context(LocalBroker(directory, node=self._proxy.node()))
        #: Address for the test, and for workers.
        self.bootstrap, self.address = self._broker.bootstrap, self._proxy.address

    def kill(self) -> None:
        """Kill it."""
        self._proxy.refuse()
        self._broker.kill()

    def stop(self) -> None:
        """Stop it in order."""
        self._broker.stop()
        self._proxy.refuse()

    def start(self) -> None:
        """Start it again; return when clients can use it."""
        self._broker.start()
        self._proxy.accept()

    def freeze(self) -> None:
        """Hold back requests to the transaction coordinator."""
        self._proxy.freeze()

    def thaw(self) -> None:
        """Pass them on."""
        self._proxy.thaw()


class ThreeBrokers:
    """Three brokers; the group's coordinator is killed or stopped, and another takes over."""

    may_be_away, replicas = False, 3

    def __init__(self, directory: Path, group: str, ending: ExitStack) -> None:
        self._cluster = ending.enter_context(LocalCluster(directory))
        self._group = group
        self._away = 0
        self.bootstrap = self.address = self._cluster.bootstrap

    def kill(self) -> None:
        """Kill the group's coordinator."""
        self._away = self._coordinator()
        self._cluster.brokers[self._away].kill()

    def stop(self) -> None:
        """Stop the group's coordinator in order."""
        self._away = self._coordinator()
        self._cluster.brokers[self._away].stop()

    def start(self) -> None:
        """Start it again; return when clients can use it."""
        self._cluster.brokers[self._away].start()

    def thaw(self) -> None:
        """Nothing is frozen here."""

    def _coordinator(self) -> int:
        coordinator: int = describe_group(self.bootstrap, self._group).coordinator.id
        return coordinator


def describe_group(bootstrap: str, group: str) -> Any:
    """Return the description of a group by its coordinator."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    return admin.describe_consumer_groups([group])[group].result(30)
