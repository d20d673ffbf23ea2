"""Static members: no worker starts with the CONSUMER_GROUP_INSTANCE_ID of a running one."""

from collections.abc import Iterator

import msgspec
from aiohttp import ClientError
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientMetadata
from yarl import URL

from eventfold.answers import read_answer
from eventfold.decoding import decode_json
from eventfold.engine.errors import StartError
from eventfold.kafka.admin import group_members
from eventfold.settings import Settings
from eventfold.web.protection import http_client
from eventfold.web.query.peers import FORWARDED, TIMEOUT

#: Characters of the random id (a UUID) that a broker appends to an instance id, after a dash.
RANDOM_ID = 36


class _Worker(msgspec.Struct):
    """Subset of the description that a worker serves at `/api/workers`."""

    member: str = ""


async def demand_unused_instance(conf: Settings) -> None:
    """Check that no running worker has the instance id of this one.

    The broker gives a static membership to the member that joined last, which would end the other.
    A member that the group still lists may be gone, or may be this worker before its restart. So
    its worker is asked for its member id.

    Raises StartError with the URL of the worker that has it, AdminError if brokers don't answer.
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
    """Yield id and URL of the members with this instance id: one at most."""
    for member, _, _, metadata, _ in members:
        has_instance = len(member) == len(instance) + 1 + RANDOM_ID
        # While the group rebalances, the broker returns no metadata.
        if metadata and has_instance and member.startswith(f"{instance}-"):
            user_data = ConsumerProtocolMemberMetadata.decode(metadata).user_data
            yield member, ClientMetadata.loads(user_data).url


async def _runs(member: str, url: str, conf: Settings) -> bool:
    """Return whether the worker at `url` has this member id; False if it does not answer."""
    workers = URL(url).origin() / "api" / "workers"
    try:
        async with (
            http_client(conf) as http,
            http.get(workers, headers={FORWARDED: "1"}, timeout=TIMEOUT) as reply,
        ):
            return decode_json(await read_answer(reply), _Worker).member == member
    except (ClientError, TimeoutError, OSError, msgspec.MsgspecError):
        return False
