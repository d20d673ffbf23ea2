"""aiokafka's admin client, which waits for the coordinators of groups.

A broker that is new, or has just started, has to make or to load `__consumer_offsets` first. It
answers *not available*, *loading* or *not here* meanwhile, which aiokafka raises, or overlooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stamina
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds a broker may take to be ready for what it is asked.
TIMEOUT = 30.0


def passes(error: Exception) -> bool:
    """Return whether a request that failed so may succeed when it is sent again."""
    return isinstance(error, KafkaError) and error.retriable


until_ready = stamina.retry(
    on=passes, attempts=None, timeout=TIMEOUT, wait_initial=0.05, wait_max=1.0
)

#: aiokafka annotates little of it.
_Base: Any = AIOKafkaAdminClient


class AdminClient(_Base):
    """An admin client whose requests about groups wait until their coordinator is ready.

    After `TIMEOUT` they raise the KafkaError that it answered.
    """

    @until_ready
    async def find_coordinator(self, group_id: str, coordinator_type: int = 0) -> int:
        """Return the id of the broker that coordinates a group."""
        return int(await super().find_coordinator(group_id, coordinator_type))

    @until_ready
    async def committed(self, group_id: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Return the offsets that a group has committed, with their metadata.

        `list_consumer_group_offsets` returns none, too, while the group is being loaded.
        """
        coordinator = await super().find_coordinator(group_id)
        response = await self._send_request(OffsetFetchRequest(group_id, None), coordinator)
        _demand_success(response.error_code)
        found = {}
        for topic, partitions in response.topics:
            for partition, offset, metadata, code in partitions:
                _demand_success(code)
                if offset >= 0:
                    found[TopicPartition(topic, partition)] = OffsetAndMetadata(offset, metadata)
        return found

    @until_ready
    async def describe_group(self, group_id: str) -> Any:
        """Return what the coordinator knows of a group, as DescribeGroups answers it."""
        coordinator = await super().find_coordinator(group_id)
        (response,) = await self.describe_consumer_groups([group_id], coordinator)
        _demand_success(response.groups[0][0])
        return response.groups[0]


def _demand_success(code: int) -> None:
    if code:
        raise for_code(code)
