"""`faust -A app send`: to a topic that exists, and to one that does not."""

import os
import subprocess
import sys
from pathlib import Path

import truth
from confluent_kafka.admin import AdminClient, NewTopic

REPOSITORY = Path(__file__).parents[2]


def send(bootstrap: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [Path(sys.executable).with_name("faust"), "-A", "app", "send", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "BROKER_URL": bootstrap},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_sent_message_arrives_with_its_key_and_value(bootstrap: str) -> None:
    """The command prints no error."""
    topic = "sent"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1)])[topic].result()
    done = send(bootstrap, topic, '{"price": 1.5}', "--key", "ACME", "--partition", "0")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (record,) = truth.read(bootstrap, topic)
    assert (record.key(), record.value()) == (b"ACME", b'{"price": 1.5}')


def test_missing_topic_is_reported_in_one_line(bootstrap: str) -> None:
    """Faust's own command would wait for the topic for ever."""
    done = send(bootstrap, "nosuch", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("There is no topic 'nosuch'")
    assert "Traceback" not in done.stdout + done.stderr
