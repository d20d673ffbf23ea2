"""Number of connections that a worker takes where a process may open few files."""

import logging
import resource

import pytest

from eventfold.settings import Settings
from eventfold.web.protection.connections import FILES, LEAST, _affordable

UNLIMITED = resource.RLIM_INFINITY
MOST = 100
WANTED = MOST + FILES


@pytest.mark.parametrize(
    ("soft", "hard", "taken", "raised"),
    [
        (UNLIMITED, UNLIMITED, MOST, None),
        (WANTED + 1, UNLIMITED, MOST, None),
        (WANTED, WANTED, MOST, None),
        (WANTED - 1, UNLIMITED, MOST, WANTED),
        (WANTED - 1, WANTED + 1, MOST, WANTED),
        (WANTED - 1, WANTED, MOST, WANTED),
        (5, WANTED - 1, MOST, WANTED - 1),
        (5, 2 * MOST, MOST, 2 * MOST),
        (5, 2 * MOST - 2, MOST - 1, 2 * MOST - 2),
        (5, 2 * LEAST, LEAST, 2 * LEAST),
        (5, LEAST, LEAST, LEAST),
    ],
)
def test_connection_limit_leaves_the_worker_its_own_files(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    soft: int,
    hard: int,
    taken: int,
    raised: int | None,
) -> None:
    """The limit on open files is raised as far as allowed; if that is too low, fewer are taken.

    There are never more connections than the setting; fewer are logged.
    """
    limits = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    with caplog.at_level(logging.WARNING):
        assert _affordable(MOST, Settings()) == taken
    assert limits == ([] if raised is None else [(raised, hard)])
    assert ("EVENTFOLD_WEB_CONNECTIONS=100" in caplog.text) is (taken < MOST)
