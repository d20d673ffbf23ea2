"""Commands for a topic that does not exist: one line with a hint that helps."""

import subprocess
from collections.abc import Callable

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("consume", "--topic", "nosuch"), "kafka-topics.sh --create --topic nosuch"),
        (("produce", "--topic", "bare", "--source", "simulator"), "--create --topic bare"),
        (("consume", "--topic", "tick"), "did you mean 'ticks'?"),
    ],
)
def test_hint_for_an_unknown_topic_does_not_name_the_topics_command(
    faust: Start, bootstrap: str, arguments: tuple[str, ...], hint: str
) -> None:
    """`faust -A app topics` would not create it."""
    command = faust(*arguments, BROKER_URL=bootstrap)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 1
    (line,) = err.splitlines()
    assert hint in line


def test_hint_for_a_declared_topic_names_the_topics_command(faust: Start, bootstrap: str) -> None:
    """The topic has its name with the prefix."""
    command = faust(
        "consume", "--topic", "eu.candles", BROKER_URL=bootstrap, TICKSTREAM_TOPIC_PREFIX="eu."
    )
    _, err = command.communicate(timeout=60)
    assert command.returncode == 1
    assert err == "There is no topic 'eu.candles'; `faust -A app topics` creates it\n"
