"""Several embedded brokers as one cluster, for tests of what happens when one of them is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from eventfold.embedded import ports
from eventfold.embedded.local import LocalBroker
from eventfold.embedded.properties import Node, new_cluster_id


class LocalCluster:
    """Brokers that replicate each other: of three, one may be away.

        with LocalCluster(tmp_path) as cluster:
            use(cluster.bootstrap)
            cluster.brokers[2].kill()

    Broker 1, 2, ... of `brokers` may be stopped or killed and started again. What needs all
    replicas but one (`min.insync.replicas`) goes on while one is away.
    """

    def __init__(self, directory: Path, size: int = 3) -> None:
        cluster = new_cluster_id()
        controllers = {number: ports.free() for number in range(1, size + 1)}
        #: By node number.
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
        """Start all at once: none is ready alone. Raises BrokerError if one can't start."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(LocalBroker.start, self.brokers.values()))

    def stop(self) -> None:
        """Stop those that run, at once: the last ones could not hand over their partitions."""
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
