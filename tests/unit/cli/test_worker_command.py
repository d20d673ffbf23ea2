"""The command for another worker, which `faust -A app up` prints."""

import shlex
import socket

import pytest

from app.settings import Settings
from eventfold.cli.up.worker import worker_command
from eventfold.embedded import ports


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start with none of our variables set."""
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def assignments() -> dict[str, str]:
    """Return the environment variables that the command sets."""
    words = shlex.split(worker_command(Settings.load(), "app"))
    return dict(word.split("=", 1) for word in words[: words.index("-A") - 1])


def test_command_sets_the_variables_that_another_terminal_lacks(
    environment: pytest.MonkeyPatch,
) -> None:
    """Those set here, quoted where it is needed; not those of a single worker."""
    environment.setenv("TICKSTREAM_WINDOWS", "1m, 5m/1m")
    environment.setenv("APP_DATADIR", "mine")
    environment.setenv("CONSUMER_GROUP_INSTANCE_ID", "first")
    environment.setenv("WEB_PORT", str(ports.free()))
    found = assignments()
    assert found.keys() == {"BROKER_URL", "WEB_PORT", "TICKSTREAM_WINDOWS"}
    assert found["BROKER_URL"] == "kafka://127.0.0.1:9092"
    assert found["TICKSTREAM_WINDOWS"] == "1m, 5m/1m"
    assert int(found["WEB_PORT"]) > Settings.load().web_port


def test_command_shows_no_secret(environment: pytest.MonkeyPatch) -> None:
    """Secrets that it needs are masked, or named by their directory; others are left out."""
    environment.setenv("TICKSTREAM_CHART_TOKEN", "hush")
    environment.setenv("TICKSTREAM_WEB_TOKEN", "hush-hush-0123456789")
    environment.setenv("TICKSTREAM_SECRETS_DIR", "/")
    assert "hush" not in worker_command(Settings.load(), "app")
    found = assignments()
    assert "TICKSTREAM_CHART_TOKEN" not in found
    assert set(found["TICKSTREAM_WEB_TOKEN"]) == {"*"}
    assert found["TICKSTREAM_SECRETS_DIR"] == "/"


def test_port_in_the_command_is_free(environment: pytest.MonkeyPatch) -> None:
    """It is the next port that nothing listens on."""
    with socket.create_server((ports.HOST, 0)) as server:
        taken = server.getsockname()[1]
        environment.setenv("WEB_PORT", str(taken - 1))
        assert int(assignments()["WEB_PORT"]) > taken
