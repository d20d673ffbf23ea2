"""Late and final: two sides of the same watermark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import Window, is_final, is_late, revision, watermark
from eventfold.windows.lateness import behind_bound, grace_for, kept_with

TIMES = st.integers(0, 1_000)


@given(TIMES, TIMES, st.integers(0, 200))
def test_a_record_is_late_when_its_time_and_grace_are_behind_stream_time(
    time: int, stream_time: int, grace: int
) -> None:
    """Exactly `grace` behind is not late yet."""
    assert is_late(time, watermark(stream_time, grace, 0)) == (time + grace < stream_time)


WINDOWS = st.builds(
    lambda advance, overlap: Window(advance * overlap, advance),
    st.integers(1, 50),
    st.integers(1, 50),
)


@given(TIMES, TIMES, st.integers(0, 200), TIMES, WINDOWS)
def test_nothing_that_is_accepted_lies_in_a_final_window(
    time: int, stream_time: int, grace: int, finalised: int, window: Window
) -> None:
    """So a final result never has to change, whatever windows a table has, or grace it had."""
    limit = watermark(stream_time, grace, finalised)
    assert is_final(finalised, limit)
    if not is_late(time, limit):
        assert not any(is_final(start + window.size, limit) for start in window.starts(time))


@given(st.integers(1, 1_000), TIMES)
def test_a_window_is_final_as_soon_as_nothing_in_it_would_be_accepted(end: int, limit: int) -> None:
    """Not a millisecond before, nor after."""
    assert is_final(end, limit) == is_late(end - 1, limit)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans(), st.booleans())
def test_a_revision_grows_with_what_is_in_the_window(
    before: int, after: int, was_final: bool, final: bool
) -> None:
    """A record more makes it higher; becoming final does, without one."""
    if before < after:
        assert revision(before, final=was_final) < revision(after, final=final)
    assert revision(before, final=False) < revision(before, final=True)


def test_a_grace_keeps_a_fraction_to_the_very_record() -> None:
    """Half of two is one; anything more is both."""
    assert grace_for({10: 1, 20: 1}, 0.5) == 10
    assert grace_for({10: 1, 20: 1}, 0.5000001) == 20
    assert grace_for({10: 1, 20: 1}, 1.0) == 20
    assert grace_for({}, 0.5) == 0


@pytest.mark.parametrize(("grace", "kept"), [(9, 0.25), (10, 0.5), (19, 0.5), (20, 1), (21, 1)])
def test_a_record_exactly_the_grace_behind_is_kept(grace: int, kept: float) -> None:
    """One more is not; where nothing has come, nothing is lost."""
    assert kept_with({0: 1, 10: 1, 20: 2}, grace) == kept
    assert kept_with({}, grace) == 1


def test_a_histogram_has_sixteen_entries_for_each_doubling() -> None:
    """As many as a fraction needs; up to 31 ms each has its own."""
    for ms in (32, 64, 1024):
        assert len({behind_bound(each) for each in range(ms + 1, 2 * ms + 1)}) == 16
    assert [behind_bound(each) for each in range(33)] == list(range(33))


@pytest.mark.parametrize("ms", [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 60_001, 86_400_000])
def test_how_far_a_record_was_behind_is_rounded_up_by_less_than_a_sixteenth(ms: int) -> None:
    """What needs no rounding stays as it is."""
    bound = behind_bound(ms)
    assert ms <= bound <= ms + ms / 16
    assert behind_bound(bound) == bound
