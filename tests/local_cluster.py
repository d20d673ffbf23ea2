"""Cluster of several embedded brokers, of which tests stop or kill one."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from eventfold.embedded import LocalBroker, Node, ports
from eventfold.embedded.properties import new_cluster_id


class LocalCluster:
    """Cluster of brokers that replicate each other: of three, one may be down.

        with LocalCluster(tmp_path) as cluster:
            use(cluster.bootstrap)
            cluster.brokers[2].kill()

    The brokers 1, 2, ... in `brokers` may be stopped or killed and started again. Writes need
    all replicas but one (`min.insync.replicas`), so they continue while one broker is down.
    """

    def __init__(self, directory: Path, size: int = 3) -> None:
        cluster = new_cluster_id()
        controllers = {number: ports.free() for number in range(1, size + 1)}
        #: Brokers by node number.
        self.brokers = {
            number: LocalBroker(
                directory / str(number),
                node=Node(ports.free(), (), number, controllers, cluster),
            )
            for number in controllers
        }

    @property
    def bootstrap(self) -> str:
        """`host:port` of each broker, with commas between them."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self) -> None:
        """Start all brokers in parallel: none is ready alone. Raises BrokerError if one fails."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(LocalBroker.start, self.brokers.values()))

    def stop(self) -> None:
        """Stop the running brokers in parallel: the last ones can't hand over their partitions."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(LocalBroker.stop, self.brokers.values()))

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
