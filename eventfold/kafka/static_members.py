"""Static members: a worker with the CONSUMER_GROUP_INSTANCE_ID of one that runs does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import ClientError
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientMetadata
from yarl import URL

from app.start import StartError
from eventfold.answers import read_answer
from eventfold.decoding import decode_json
from eventfold.kafka.admin import group_members
from eventfold.web.peers import FORWARDED, TIMEOUT
from eventfold.web.protection import http_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.settings import Settings

#: Characters of the random id (a UUID) that a broker puts behind an instance id, with a dash.
RANDOM_ID = 36


class _Worker(msgspec.Struct):
    """A worker as it describes itself at `/api/workers`, as far as it is asked."""

    member: str = ""


async def demand_unused_instance(conf: Settings) -> None:
    """Return where no running worker has this one's instance id.

    The broker hands a static membership to whoever joined last, so that the other would end. One
    that the group still lists may be gone, or this one before its restart: so it is asked.

    Raises StartError naming the other worker, AdminError.
    """
    if conf.instance_id is None:
        return
    for member, url in _namesakes(conf.instance_id, await group_members(conf)):
        if await _runs(member, url, conf):
            raise StartError(
                f"CONSUMER_GROUP_INSTANCE_ID={conf.instance_id} is in use by the worker at {url}: "
                "give each worker its own"
            )


def _namesakes(instance: str, members: list[tuple[str, str, str, bytes, bytes]]) -> Iterator:
    """Yield id and address of the members with this instance id: one, if any."""
    for member, _, _, metadata, _ in members:
        has_instance = len(member) == len(instance) + 1 + RANDOM_ID
        # While the group rebalances the broker shows no metadata.
        if metadata and has_instance and member.startswith(f"{instance}-"):
            user_data = ConsumerProtocolMemberMetadata.decode(metadata).user_data
            yield member, ClientMetadata.loads(user_data).url


async def _runs(member: str, url: str, conf: Settings) -> bool:
    """Return whether the worker at `url` is this very member of the group."""
    workers = URL(url).origin() / "api" / "workers"
    try:
        async with (
            http_client(conf) as http,
            http.get(workers, headers={FORWARDED: "1"}, timeout=TIMEOUT) as reply,
        ):
            return decode_json(await read_answer(reply), _Worker).member == member
    except (ClientError, TimeoutError, OSError, msgspec.MsgspecError):
        return False
