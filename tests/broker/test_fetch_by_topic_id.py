"""Topic ids on a real broker: a fetch by id reads no other topic of the same name."""

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from workers import Market

from app.settings import Settings
from eventfold.engine.changelog import new_consumer
from eventfold.kafka import fetching
from eventfold.kafka.admin import administering
from eventfold.kafka.clients.connections import running
from eventfold.kafka.clients.topic_ids import known, replace_metadata_request, topic_id
from eventfold.kafka.fetch_by_id import FetchRequest


@pytest.fixture
def by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process's clients ask for topic ids and fetch by them, as a worker's do."""
    replace_metadata_request()
    monkeypatch.setattr(fetching.fetcher, "FetchRequest", FetchRequest)


@pytest.mark.usefixtures("by_id")
async def test_recreated_topic_is_not_read_in_place_of_the_old_one(
    market: Market,
) -> None:
    """Though it has a record at the next offset."""
    conf = Settings(BROKER_URL=f"kafka://{market.bootstrap}")
    name, tp = "made-anew", TopicPartition("made-anew", 0)
    records = [(f"k{n}", b"{}", 1_767_225_600_000 + n) for n in range(20)]
    async with administering(conf) as admin, running(new_consumer(conf)) as consumer:
        await admin.create_topics([NewTopic(name, 1, 1)])
        market.send(records, name)
        consumer.assign([tp])
        first = known.bind(name, await topic_id(consumer._client, name))
        assert first
        consumer.seek(tp, 0)
        read = []
        while len(read) < 20:
            read += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
        await admin.delete_topics([name])
        await admin.create_topics([NewTopic(name, 1, 1)])
        market.send(records * 2, name)
        assert await topic_id(consumer._client, name) != first
        for _ in range(10):
            assert not await consumer.getmany(tp, timeout_ms=200)
