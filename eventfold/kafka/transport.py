"""Transport driver: Faust's driver for aiokafka with the batch consumer."""

import logging
from typing import Any, cast

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.drivers import aiokafka as driver

from eventfold.kafka.consumer import BatchConsumer

logger = logging.getLogger(__name__)

#: Faust's annotations disagree with aiokafka's.
_Base: Any = PartitionAssignor


class Assignor(_Base):
    """Faust's assignor, which accepts an assignment made for this member's previous address.

    A broker gives the assignment of a static member to the member that joins with its instance id,
    without a rebalance. Faust asserts that the address in it is its own, so a pod with a new IP
    would never start.
    """

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Accept an assignment; rejoin if the address is new, so that all members learn it."""
        found = cast("ClientMetadata", ClientMetadata.loads(self._decompress(assignment.user_data)))
        before, now = found.url, str(self._url)
        if before != now:
            logger.info("This member was at %s and is at %s now: the group learns it", before, now)
            _move(found, before, now)
            assignment = ConsumerProtocolMemberAssignment(
                assignment.version,
                assignment.assignment,
                self._compress(cast("Any", found).dumps()),
            )
            cast("BatchConsumer", self.app.consumer).rejoin()
        super().on_assignment(assignment)


def _move(metadata: ClientMetadata, before: str, now: str) -> None:
    """Replace the address `before` by `now`."""
    metadata.url = now
    for distribution in (metadata.changelog_distribution, metadata.external_topic_distribution):
        if before in distribution:
            distribution[now] = distribution.pop(before)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport, fetching in batches."""

    Consumer = BatchConsumer
