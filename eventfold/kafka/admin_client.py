"""aiokafka's admin client, which waits until the coordinator of a group is ready.

A broker that is new or has just started creates or loads `__consumer_offsets` first. Meanwhile it
answers *not available*, *loading* or *not coordinator*, which aiokafka raises, or overlooks.
"""

from collections.abc import Mapping
from typing import Any

import stamina
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupIdNotFound, KafkaError, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

#: Seconds that a broker may take to become ready for a request.
TIMEOUT = 30.0


def passes(error: Exception) -> bool:
    """Return whether a request that failed with `error` may succeed if it is sent again."""
    return isinstance(error, KafkaError) and error.retriable


until_ready = stamina.retry(
    on=passes, attempts=None, timeout=TIMEOUT, wait_initial=0.05, wait_max=1.0
)

#: aiokafka annotates little of it.
_Base: Any = AIOKafkaAdminClient


class AdminClient(_Base):
    """Admin client that waits for a coordinator. Raises KafkaError after `TIMEOUT`."""

    @until_ready
    async def find_coordinator(self, group_id: str, coordinator_type: int = 0) -> int:
        """Return the id of the broker that coordinates a group."""
        return int(await super().find_coordinator(group_id, coordinator_type))

    @until_ready
    async def committed(self, group_id: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """Return the committed offsets of a group with their metadata."""
        # `list_consumer_group_offsets` returns none while the group is being loaded.
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
        """Return the coordinator's description of a group, as in the DescribeGroups response."""
        coordinator = await super().find_coordinator(group_id)
        (response,) = await self.describe_consumer_groups([group_id], coordinator)
        _demand_success(response.groups[0][0])
        return response.groups[0]

    @until_ready
    async def delete_group(self, group_id: str) -> None:
        """Delete a group with its offsets, if it exists. Raises NonEmptyGroup."""
        coordinator = await super().find_coordinator(group_id)
        response = await self._send_request(DeleteGroupsRequest([group_id]), coordinator)
        ((_, code),) = response.results
        if code != GroupIdNotFound.errno:
            _demand_success(code)


def _demand_success(code: int) -> None:
    if code:
        raise for_code(code)
