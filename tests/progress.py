"""Progress of an application: its committed offsets beside the ends of its source."""

from confluent_kafka import Consumer, KafkaException, TopicPartition


def lag(bootstrap: str, group: str, topic: str) -> int:
    """Return how many offsets of a topic the group has not committed yet."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False}
    )
    try:
        numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        partitions = [TopicPartition(topic, number) for number in numbers]
        committed = consumer.committed(partitions, timeout=30)
        ends = [consumer.get_watermark_offsets(each, timeout=30)[1] for each in partitions]
        return sum(end - max(at.offset, 0) for at, end in zip(committed, ends, strict=True))
    finally:
        consumer.close()


def end_offset(bootstrap: str, topic: str) -> int:
    """Return the end offset of partition 0 of a topic; 0 if it is not there yet."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "progress"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)[1]
    except KafkaException:
        return 0
    finally:
        consumer.close()


def committed(bootstrap: str, group: str, topic: str) -> int:
    """Return the sum of the offsets of a topic that the group has committed."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False}
    )
    try:
        numbers = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        found = consumer.committed([TopicPartition(topic, n) for n in numbers], timeout=30)
        return sum(max(each.offset, 0) for each in found)
    finally:
        consumer.close()
