"""Requests by topic id: sent where the broker has ids, in the versions that it knows."""

from uuid import uuid4

import pytest

from eventfold.kafka.clients.topic_ids import KnownIds, MetadataRequest, known, to_text
from eventfold.kafka.fetch_by_id import FetchRequest

METADATA, FETCH = 3, 1


@pytest.mark.parametrize(("newest", "sent"), [(13, 10), (10, 10), (9, 5), (4, 4)])
def test_metadata_is_requested_with_topic_ids_if_the_broker_has_them(
    newest: int, sent: int
) -> None:
    """Kafka 2.8 was the first to have them."""
    version = MetadataRequest(["a"]).prepare({METADATA: (0, newest)}).API_VERSION
    assert version == sent


@pytest.mark.parametrize(("newest", "sent"), [(18, 13), (13, 13), (12, 11)])
def test_records_are_fetched_by_topic_id_if_the_broker_supports_it(newest: int, sent: int) -> None:
    """Kafka 3.1 was the first to do; a topic whose id is unknown is fetched by name."""
    name = f"topic-{uuid4()}"
    request = FetchRequest(100, 1, 1000, 1, [(name, [(0, 5, 1000)])])
    versions = {FETCH: (4, newest)}
    assert request.prepare(versions).API_VERSION == 11
    known.bind(name, to_text(uuid4().bytes))
    version = request.prepare(versions).API_VERSION
    assert version == sent


def test_bound_topic_name_keeps_its_id_whatever_later_metadata_has() -> None:
    """A name that is not bound follows the metadata."""
    ids, first, second = KnownIds(), uuid4().bytes, uuid4().bytes
    ids.note("bound", first)
    ids.note("free", first)
    assert ids.bind("bound", to_text(first)) == to_text(first)
    ids.note("bound", second)
    ids.note("free", second)
    assert (ids.get("bound"), ids.get("free")) == (first, second)
    assert ids.bind("bound", to_text(second)) == to_text(first)
