"""Sessions that were ended stay ended, whatever is forgotten, restarted or cut off."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.web.protection.sessions import EndedSessions, Session

#: Seconds since the epoch; how many ended sessions are known.
NOW, MOST = 1_800_000_000, 2


def session(until: int, identity: str) -> Session:
    """Return a session that lasts until `NOW + until`."""
    return Session("read", NOW + until, identity)


def lines(file: Path) -> int:
    """Return how many lines are in a file."""
    return len(file.read_text().splitlines())


@given(
    st.lists(
        st.one_of(
            *[st.tuples(st.just("end"), st.integers(-1, 6), st.sampled_from("abc"))] * 4,
            st.tuples(st.just("wait"), st.just(1), st.just("")),
            st.tuples(st.just("restart"), st.just(0), st.just("")),
        ),
        min_size=10,
        max_size=40,
    )
)
def test_ended_session_stays_ended_and_ends_no_longer_session(
    steps: list[tuple[str, int, str]],
) -> None:
    """For as long as it would have lasted, over restarts, in bounded space.

    Where too many were ended, the oldest are forgotten: with them end those that would have ended
    before, and no other.
    """
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as own:
        clock = [NOW]
        patch.setattr(time, "time", lambda: float(clock[0]))
        file = Path(own) / "deep" / "deeper" / "ended"
        known = EndedSessions(file, most=MOST)
        ended: set[Session] = set()
        reach = NOW - 1
        for step, number, name in steps:
            if step == "end":
                # No two sessions of one identity.
                one = session(number, f"{name}{number}")
                known.add(one.until, one.identity)
                ended.add(one)
            elif step == "wait":
                clock[0] += number
            else:
                known = EndedSessions(file, most=MOST)
            lasting = sorted(each.until for each in ended if each.until >= clock[0])
            # The longest of those that are too many.
            reach = max([reach, *lasting[:-MOST]])
            assert all(known.has(each) for each in ended if each.until >= clock[0])
            assert len(known._known) == len(known._by_end) <= MOST
            for until in range(clock[0], NOW + 12):
                assert known.has(session(until - NOW, "other")) is (until <= reach)
            assert not file.exists() or lines(file) <= 2 * MOST + 1


def test_session_ended_several_times_is_written_once(tmp_path: Path) -> None:
    """Several workers may report it, and a browser may sign out twice."""
    now, file = int(time.time()), tmp_path / "ended"
    known = EndedSessions(file)
    for _ in range(3):
        known.add(now + 100, "one")
    assert lines(file) == 1
    EndedSessions(file).add(now + 100, "one")
    assert [line.split()[1] for line in file.read_text().splitlines()] == ["*", "one"]


@pytest.mark.parametrize("rest", ["1", "1800000100", "1800000100 ", " two", "x two"])
def test_incomplete_last_line_of_a_killed_worker_is_ignored(
    tmp_path: Path, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The complete lines before it count."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    file = tmp_path / "ended"
    file.write_text(f"{NOW + 100} one\n{rest}")
    known = EndedSessions(file)
    assert known.has(session(100, "one"))
    assert not known.has(session(100, "two"))
    assert file.read_text() == f"0 *\n{NOW + 100} one\n"


def no_text(file: Path) -> None:
    """Make a file that is no text."""
    file.write_bytes(b"\xff\n")


@pytest.mark.parametrize("make", [no_text, Path.mkdir])
def test_unreadable_file_is_logged_and_ends_no_session(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    """The worker continues, and remembers the sessions that end from now on."""
    file = tmp_path / "ended"
    make(file)
    with caplog.at_level(logging.WARNING):
        known = EndedSessions(file)
    assert f"{file} can't be read, so sessions that ended are valid again" in caplog.text
    until = int(time.time()) + 100
    known.add(until, "one")
    assert known.has(Session("read", until, "one"))
    assert not known.has(Session("read", until, "two"))


def test_unwritable_file_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Until its next start the worker remembers the sessions that ended."""
    (tmp_path / "file").write_text("no directory")
    file = tmp_path / "file" / "ended"
    with caplog.at_level(logging.WARNING):
        known = EndedSessions(file)
        until = int(time.time()) + 100
        known.add(until, "one")
    reason = "so sessions that ended are valid again after a restart"
    assert f"{file} can't be written, {reason}" in caplog.text
    assert known.has(Session("read", until, "one"))
