"""Commands that are asked for what is not there: one line that names what would help."""

import subprocess
from collections.abc import Callable

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("consume", "--topic", "nosuch"), "kafka-topics.sh --create --topic nosuch"),
        (("produce", "--topic", "bare", "--source", "simulator"), "--create --topic bare"),
        (("consume", "--topic", "tick"), "did you mean 'ticks'?"),
    ],
)
def test_a_topic_that_is_none_of_ours_is_not_promised_by_topics(
    faust: Start, bootstrap: str, arguments: tuple[str, ...], advice: str
) -> None:
    """`faust -A app topics` would not create it."""
    command = faust(*arguments, BROKER_URL=bootstrap)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1
    (line,) = said.splitlines()
    assert advice in line


def test_a_topic_of_ours_is_made_by_topics(faust: Start, bootstrap: str) -> None:
    """Under its name with the prefix."""
    command = faust(
        "consume", "--topic", "eu.candles", BROKER_URL=bootstrap, TICKSTREAM_TOPIC_PREFIX="eu."
    )
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1
    assert said == "There is no topic 'eu.candles'; `faust -A app topics` creates it\n"
