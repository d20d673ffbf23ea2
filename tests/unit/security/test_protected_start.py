"""A worker that other machines can reach starts only if a setting protects or opens it."""

from pathlib import Path

import pytest
from workers import Worker, until

from app.settings import Settings
from eventfold.engine.errors import StartError
from eventfold.security.web import is_loopback
from eventfold.worker.startup_checks import demand_protection

TOKEN = "read-0123456789abcdef"  # noqa: S105  # it opens nothing
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # it is rejected here


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        (ANY_ADDRESS, False),
        ("::", False),
        ("192.0.2.1", False),
        ("no.such.name.invalid", False),
    ],
)
def test_loopback_addresses_are_recognised(host: str, *, loopback: bool) -> None:
    """By number or by name; an unknown name is none."""
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
def test_reachable_worker_needs_a_token_users_or_an_open_web(
    settings: dict[str, str], *, starts: bool
) -> None:
    """A token between workers is not enough."""
    demand_protection(Settings(**settings))  # type: ignore[arg-type]  # by their variables
    reachable = Settings(WEB_BIND=ANY_ADDRESS, **settings)  # type: ignore[arg-type]
    if starts:
        demand_protection(reachable)
    else:
        with pytest.raises(StartError):
            demand_protection(reachable)


def test_unprotected_worker_ends_with_a_line_that_names_what_to_set(tmp_path: Path) -> None:
    """It is the last line of its log, before it does anything."""
    worker = Worker("127.0.0.1:1", tmp_path, "open", WEB_BIND=ANY_ADDRESS)
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
