"""A worker that strangers can reach does not start, unless a setting allows it."""

from pathlib import Path

import pytest
from workers import Worker, until

from app.settings import Settings
from app.start import StartError, demand_protection
from eventfold.security.web import is_loopback

TOKEN = "read-0123456789abcdef"  # noqa: S105  # it opens nothing
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what is refused here


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.0.2.1", False),
        ("no.such.name.invalid", False),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(host: str, *, loopback: bool) -> None:
    """By number or by name; what nobody knows is not taken for one."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ({}, False),
        ({"TICKSTREAM_WEB_CLUSTER_TOKEN": TOKEN}, False),
        ({"TICKSTREAM_WEB_OPEN": "true"}, True),
        ({"TICKSTREAM_WEB_TOKEN": TOKEN}, True),
        ({"TICKSTREAM_WEB_ADMIN_TOKEN": TOKEN}, True),
        ({"TICKSTREAM_WEB_USERS": "ann:read:password"}, True),
    ],
)
def test_beyond_this_machine_somebody_has_to_say_who_may_ask(
    settings: dict[str, str], *, starts: bool
) -> None:
    """Those with a token or a password, or anybody; a token between workers is no answer."""
    demand_protection(Settings(**settings))  # type: ignore[arg-type]  # by their variables
    elsewhere = Settings(WEB_BIND=EVERYWHERE, **settings)  # type: ignore[arg-type]
    if starts:
        demand_protection(elsewhere)
    else:
        with pytest.raises(StartError):
            demand_protection(elsewhere)


def test_a_worker_that_anybody_could_ask_says_what_to_set(tmp_path: Path) -> None:
    """In the last line of its log, before it has done anything."""
    worker = Worker("127.0.0.1:1", tmp_path, "open", WEB_BIND=EVERYWHERE)
    worker.start(wait=False)
    try:
        until(lambda: not worker.running, 60)
        assert worker.exit_code == 1
        assert worker.tail(1) == (
            "WEB_BIND=0.0.0.0 can be reached from other machines: set TICKSTREAM_WEB_TOKEN or "
            "TICKSTREAM_WEB_USERS, or TICKSTREAM_WEB_OPEN=true to let anybody ask"
        )
    finally:
        worker.kill()
