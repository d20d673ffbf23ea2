"""`faust -A app consume` on a real broker: each record is one row, across kills and restarts."""

import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from csv_truth import START, committed_size, row, rows_of, size_of, ticks, truth
from new_topics import create, fill, new_topic
from waiting import until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def topic(bootstrap: str) -> str:
    """Create a topic of three partitions."""
    return new_topic(bootstrap)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return a path without a file."""
    return tmp_path / "data.csv"


@pytest.fixture
def consume(faust: Start, bootstrap: str, topic: str, output: Path) -> Start:
    """Start `faust -A app consume` from the topic into the file, as a group of the topic's name."""

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        defaults = ("--topic", topic, "--output", str(output), "--group", topic)
        return faust("consume", *defaults, *arguments, **{"BROKER_URL": bootstrap, **environment})

    return start


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for a command to end with exit code 0; return all its output."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    return out + err


def test_ticks_become_rows_with_their_event_time(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """Exactly the ticks of the topic; then the command ends and prints their number."""
    records = ticks(5_000)
    fill(bootstrap, topic, records)
    assert "rows from" in (printed := ended(consume("--until-end")))
    assert "5,000" in printed
    assert rows_of(output) == truth(records)


def test_bare_prices_become_rows_with_the_kafka_timestamp(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """One key is one partition: rows are in order, numbers are written as they were sent."""
    prices = ["65000.25", "64999", "0.5"]
    fill(
        bootstrap,
        topic,
        [(b"BTC-USD", price.encode(), START + 30_000 * n) for n, price in enumerate(prices)],
    )
    ended(consume("--once"))
    assert output.read_text().splitlines() == [
        "time,price",
        "2023-11-14 22:13:20,65000.25",
        "2023-11-14 22:13:50,64999",
        "2023-11-14 22:14:20,0.5",
    ]


def test_second_run_appends_only_new_rows(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """A third one, without new records, appends nothing."""
    records = ticks(2_000)
    for part in (records[:1_500], records[1_500:], []):
        fill(bootstrap, topic, part)
        ended(consume("--until-end"))
    assert rows_of(output) == truth(records)


def test_killed_consumer_resumes_without_loss_or_duplicates(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """Four kills in the middle of the topic; in the end the file is exact."""
    records = ticks(400_000)
    fill(bootstrap, topic, records[:300_000])
    more = iter([records[300_000:350_000], records[350_000:], [], []])
    for _ in range(4):
        # A static member: the broker needs not wait for the dead one's session to end.
        process = consume(CONSUMER_GROUP_INSTANCE_ID="csv")
        start = committed_size(output)
        until(lambda: size_of(output) > start + 200_000)  # noqa: B023 - called in this turn
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_at = committed_size(output)
        fill(bootstrap, topic, next(more))
    ended(consume("--until-end", CONSUMER_GROUP_INSTANCE_ID="csv"))
    assert killed_at < committed_size(output), "the kills came after the end"
    assert rows_of(output) == truth(records)


def test_rows_are_not_repeated_if_the_offset_commit_was_lost(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """As when a kill hits between the file's commit and Kafka's: the file decides."""
    records = ticks(1_000)
    fill(bootstrap, topic, records)
    ended(consume("--until-end"))
    reset_offsets = [TopicPartition(topic, n, 0) for n in range(3)]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    groups = [ConsumerGroupTopicPartitions(topic, reset_offsets)]
    admin.alter_consumer_group_offsets(groups)[topic].result(30)
    ended(consume("--until-end"))
    assert rows_of(output) == truth(records)


def test_sigterm_commits_offsets_before_the_command_ends(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """No row is cut off, and the offsets of the group are committed."""
    records = ticks(3_000)
    fill(bootstrap, topic, records)
    process = consume()
    until(lambda: size_of(output) > 0 and output.read_bytes().count(b"\n") == 1 + 3_000)
    process.terminate()
    ended(process)
    assert committed_size(output) == size_of(output)
    assert committed(bootstrap, topic) == 3_000
    assert rows_of(output) == truth(records)


def committed(bootstrap: str, topic: str) -> int:
    """Return the sum of the offsets committed by the group of the topic's name."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (listed,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(topic)]).values()
    return sum(partition.offset for partition in listed.result(30).topic_partitions)


def test_two_sinks_share_partitions_and_write_each_record_once(
    consume: Start, bootstrap: str, topic: str, output: Path, tmp_path: Path
) -> None:
    """While partitions move between two files, each record is in one of them, once."""
    records, other = ticks(60_000), tmp_path / "other.csv"
    fill(bootstrap, topic, records[:30_000])
    first = consume()
    until(lambda: size_of(output) > 100_000)
    second = consume("--output", str(other))
    until(lambda: size_of(other) > 0)
    for n in range(30_000, 60_000, 2_000):
        fill(bootstrap, topic, records[n : n + 2_000])
    until(lambda: committed(bootstrap, topic) == 60_000)
    for process in (first, second):
        process.terminate()
        ended(process)
    assert rows_of(output) + rows_of(other) == truth(records)
    assert rows_of(other)


def test_unreadable_records_are_logged_with_offset_and_left_out(
    consume: Start, bootstrap: str, output: Path
) -> None:
    """One line each; the others are written, and the count is printed at the end."""
    topic = new_topic(bootstrap, 1)
    values = [b"1.5", b"{", b"twelve", b"NaN", b"2.5"]
    fill(bootstrap, topic, [(b"A", value, START) for value in values])
    printed = ended(consume("--topic", topic, "--until-end"))
    for offset in (1, 2, 3):
        assert printed.count(f"skipped {topic}-0 at offset {offset}: ") == 1
    assert "unreadable records skipped: 3\n" in printed
    assert rows_of(output) == Counter([row(START, "1.5"), row(START, "2.5")])


def test_aborted_records_are_not_written_and_the_command_still_ends(
    consume: Start, bootstrap: str, output: Path
) -> None:
    """The last offset of the topic is a transaction marker, which no reader sees."""
    topic = new_topic(bootstrap, 1)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    for price, end in (
        (b"1", producer.commit_transaction),
        (b"2", producer.abort_transaction),
        (b"3", producer.commit_transaction),
    ):
        producer.begin_transaction()
        producer.produce(topic, price, b"A", timestamp=START)
        producer.flush(30)
        end(30)
    ended(consume("--topic", topic, "--until-end"))
    assert rows_of(output) == Counter([row(START, "1"), row(START, "3")])


def test_recreated_topic_is_read_from_its_start(
    consume: Start, bootstrap: str, topic: str, output: Path
) -> None:
    """The offsets in the file are those of the old topic."""
    old, new = ticks(1_000), ticks(100, seed=2)
    fill(bootstrap, topic, old)
    ended(consume("--until-end"))
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: topic not in admin.list_topics(timeout=10).topics)
    create(bootstrap, topic)
    fill(bootstrap, topic, new)
    assert "the topic was recreated" in ended(consume("--until-end"))
    assert rows_of(output) == truth(old) + truth(new)


def test_empty_topic_writes_only_a_header(consume: Start, output: Path) -> None:
    """The command reaches the end of the topic all the same."""
    ended(consume("--until-end"))
    assert output.read_text() == "time,price\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {"BROKER_URL": "127.0.0.1:1"}, "BROKER_URL=127.0.0.1:1"),
        (["--topic", "nowhere"], {}, "faust -A app topics"),
        (["--output", "missing/data.csv"], {}, "missing/data.csv: No such file or directory"),
    ],
)
def test_consume_error_is_printed_in_one_line(
    consume: Start,
    output: Path,
    arguments: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    """Exit code 1, and no file is created."""
    process = consume(*arguments, **environment)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = err.splitlines()
    assert message in line
    assert not output.exists()


def test_file_of_another_program_is_not_changed(consume: Start, output: Path) -> None:
    """The error line names the file."""
    output.write_text("symbol,price\n")
    process = consume()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == f"{output}: its first line is not time,price\n"
    assert output.read_text() == "symbol,price\n"
