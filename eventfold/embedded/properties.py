"""Configuration of a Kafka node: its place in a cluster, its addresses, server.properties."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from eventfold.embedded import ports
from eventfold.embedded.secured import Secured

# A node is broker and controller. Paths are relative to the data directory, in which Kafka runs,
# because a comma in a list of directories can't be escaped.
SERVER = """\
process.roles = broker,controller
node.id = {number}
controller.quorum.voters = {voters}
listeners = {listeners},CONTROLLER://{host}:{controller}
advertised.listeners = {listeners}
listener.security.protocol.map = {protocols},CONTROLLER:PLAINTEXT
inter.broker.listener.name = BROKER
controller.listener.names = CONTROLLER
log.dirs = {logs}

# As in production a topic exists because somebody made it, not because of a typing error.
auto.create.topics.enable = false
min.insync.replicas = {in_sync}

# On each node; few partitions, so that they are made and loaded at once.
offsets.topic.replication.factor = {nodes}
offsets.topic.num.partitions = 3
transaction.state.log.replication.factor = {nodes}
transaction.state.log.min.isr = {in_sync}
transaction.state.log.num.partitions = 3
share.coordinator.state.topic.replication.factor = {nodes}
share.coordinator.state.topic.min.isr = {in_sync}
share.coordinator.state.topic.num.partitions = 1

# The first worker need not wait 3 s for others to join.
group.initial.rebalance.delay.ms = 0
broker.session.timeout.ms = {session}
broker.heartbeat.interval.ms = 500
# What a dead worker left open holds readers up until it times out, and 10 s more otherwise.
transaction.abort.timed.out.transaction.cleanup.interval.ms = 1000
# An empty record is written and replayed so often, by default twice a second: a fifth of the
# processor time that an idle broker takes.
metadata.max.idle.interval.ms = 5000
# A quarter of the heap otherwise.
log.cleaner.dedupe.buffer.size = 16777216
"""

# Kafka deletes whole segments, so they have to be small compared with the retention.
BOUNDED = """\
log.retention.bytes = {partition_bytes}
log.segment.bytes = {segment_bytes}
"""


def new_cluster_id() -> str:
    """Return a random cluster id in Kafka's form: 16 bytes in URL-safe base64, without padding."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@dataclass(frozen=True)
class Node:
    """Kafka node on 127.0.0.1: alone, or one of a cluster."""

    port: int
    #: Additional listeners (`host:port` of this machine, each with its own port). A client that
    #: connects to one gets the addresses of the same listener of all nodes, not 127.0.0.1.
    addresses: tuple[str, ...] = ()
    #: Additional listeners on which clients have to authenticate.
    secured: tuple[Secured, ...] = field(default=(), kw_only=True)
    number: int = 1
    #: Ports of all controllers by node number; empty for a single node, which takes any free one.
    controllers: Mapping[int, int] = field(default_factory=dict)
    #: Id that the nodes of a cluster share; random for a single node.
    cluster: str | None = None
    #: Session time-out of a broker in ms (Kafka's default is 9,000). After a crash the node can't
    #: register again for so long. A node blocked for longer is no broker until it runs again.
    session: int = 3_000

    def properties(self, logs: str, partition_bytes: int | None = None) -> str:
        """Return the text of server.properties, with the data in the directory `logs`.

        `partition_bytes` bounds the size of each partition; None for no bound.
        """
        controllers = self.controllers or {self.number: ports.free()}
        listeners = {"BROKER": f"{ports.HOST}:{self.port}"}
        listeners |= {f"CLIENTS{i}": address for i, address in enumerate(self.addresses)}
        protocols = dict.fromkeys(listeners, "PLAINTEXT")
        secured = {f"SECURED{i}": each for i, each in enumerate(self.secured)}
        listeners |= {name: each.address for name, each in secured.items()}
        protocols |= {name: each.protocol for name, each in secured.items()}
        text = SERVER.format(
            number=self.number,
            host=ports.HOST,
            controller=controllers[self.number],
            voters=",".join(f"{n}@{ports.HOST}:{port}" for n, port in controllers.items()),
            listeners=",".join(f"{name}://{address}" for name, address in listeners.items()),
            protocols=",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            logs=logs,
            session=self.session,
            nodes=len(controllers),
            # One node may be down.
            in_sync=max(1, len(controllers) - 1),
        )
        if partition_bytes is not None:
            text += BOUNDED.format(
                partition_bytes=partition_bytes, segment_bytes=partition_bytes // 8
            )
        return text + "".join(each.properties(name) for name, each in secured.items())
