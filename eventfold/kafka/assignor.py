"""The assignor: Faust's, for static members that come back under another address too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor

if TYPE_CHECKING:
    from eventfold.kafka.consumer import BatchConsumer

logger = logging.getLogger(__name__)

#: Faust's annotations disagree with aiokafka's.
_Base: Any = PartitionAssignor


class Assignor(_Base):
    """Faust's assignor, which takes an assignment made for this member's address of before.

    A broker hands the assignment of a static member to whoever joins with its instance id, without
    a rebalance. Faust asserts that the address in it is its own: a pod with a new IP never began.
    """

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Take an assignment; let all members hear of a new address by a rebalance."""
        found = cast("ClientMetadata", ClientMetadata.loads(self._decompress(assignment.user_data)))
        before, now = found.url, str(self._url)
        if before != now:
            logger.info("This member was at %s and is at %s now: the group is told", before, now)
            _move(found, before, now)
            assignment = ConsumerProtocolMemberAssignment(
                assignment.version,
                assignment.assignment,
                self._compress(cast("Any", found).dumps()),
            )
            cast("BatchConsumer", self.app.consumer).rejoin()
        super().on_assignment(assignment)


def _move(metadata: ClientMetadata, before: str, now: str) -> None:
    """Put the address `now` in the place of `before`."""
    metadata.url = now
    for distribution in (metadata.changelog_distribution, metadata.external_topic_distribution):
        if before in distribution:
            distribution[now] = distribution.pop(before)
