"""What a Kafka node is told: its place among others, its addresses, its server.properties."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from eventfold.embedded import ports
from eventfold.embedded.secured import Secured

# A node is broker and controller. Paths are relative to the data directory, where Kafka runs,
# because a list of directories has no way to write a comma.
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
# A quarter of the heap otherwise.
log.cleaner.dedupe.buffer.size = 16777216
"""

# Whole segments are deleted, so they have to be small beside what is kept.
BOUNDED = """\
log.retention.bytes = {partition_bytes}
log.segment.bytes = {segment_bytes}
"""


def new_cluster_id() -> str:
    """Give an id as Kafka writes them: 16 bytes in the alphabet of URLs, without padding."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@dataclass(frozen=True)
class Node:
    """A Kafka on 127.0.0.1: alone, or one of a cluster."""

    port: int
    #: Further addresses of this machine (`host:port`, each port its own) where clients reach it.
    #: A client that comes through one is told the others of its kind, not 127.0.0.1.
    addresses: tuple[str, ...] = ()
    #: Further addresses again, where clients have to say who they are.
    secured: tuple[Secured, ...] = field(default=(), kw_only=True)
    number: int = 1
    #: The ports of all controllers by node number; empty for one alone, which takes any.
    controllers: Mapping[int, int] = field(default_factory=dict)
    #: The id that the nodes of a cluster share; made up for one alone.
    cluster: str | None = None
    #: Ms (9,000 is Kafka's own). After a crash the node's own former self keeps it out as long.
    #: A node held up for longer is no broker to its clients until it runs again.
    session: int = 3_000

    def properties(self, logs: str, partition_bytes: int | None = None) -> str:
        """Give server.properties, with the data in the directory `logs`."""
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
            # One may be away.
            in_sync=max(1, len(controllers) - 1),
        )
        if partition_bytes is not None:
            text += BOUNDED.format(
                partition_bytes=partition_bytes, segment_bytes=partition_bytes // 8
            )
        return text + "".join(each.properties(name) for name, each in secured.items())
