"""Late and final: two sides of the same watermark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import Window, is_final, is_late, revision, watermark
from eventfold.windows.lateness import behind_bound, grace_for, kept_with

TIMES = st.integers(0, 1_000)


@given(TIMES, TIMES, st.integers(0, 200))
def test_record_is_late_if_its_time_plus_grace_is_below_stream_time(
    time: int, stream_time: int, grace: int
) -> None:
    """A record exactly `grace` behind is not late yet."""
    assert is_late(time, watermark(stream_time, grace, 0)) == (time + grace < stream_time)


WINDOWS = st.builds(
    lambda advance, overlap: Window(advance * overlap, advance),
    st.integers(1, 50),
    st.integers(1, 50),
)


@given(TIMES, TIMES, st.integers(0, 200), TIMES, WINDOWS)
def test_accepted_record_lies_in_no_final_window(
    time: int, stream_time: int, grace: int, finalised: int, window: Window
) -> None:
    """So a final result never changes, whatever windows a table has, or grace it had before."""
    limit = watermark(stream_time, grace, finalised)
    assert is_final(finalised, limit)
    if not is_late(time, limit):
        assert not any(is_final(start + window.size, limit) for start in window.starts(time))


@given(st.integers(1, 1_000), TIMES)
def test_window_is_final_exactly_when_its_last_instant_is_late(end: int, limit: int) -> None:
    """Neither a millisecond earlier nor later."""
    assert is_final(end, limit) == is_late(end - 1, limit)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans(), st.booleans())
def test_revision_rises_with_each_record_and_when_final(
    before: int, after: int, was_final: bool, final: bool
) -> None:
    """One more record raises it, and so does becoming final."""
    if before < after:
        assert revision(before, final=was_final) < revision(after, final=final)
    assert revision(before, final=False) < revision(before, final=True)


def test_grace_for_a_fraction_is_the_shortest_that_keeps_it() -> None:
    """Half of two is one; anything more is both."""
    assert grace_for({10: 1, 20: 1}, 0.5) == 10
    assert grace_for({10: 1, 20: 1}, 0.5000001) == 20
    assert grace_for({10: 1, 20: 1}, 1.0) == 20
    assert grace_for({}, 0.5) == 0


@pytest.mark.parametrize(("grace", "kept"), [(9, 0.25), (10, 0.5), (19, 0.5), (20, 1), (21, 1)])
def test_a_record_exactly_the_grace_behind_is_kept(grace: int, kept: float) -> None:
    """One that is further behind is not; without records nothing is lost."""
    assert kept_with({0: 1, 10: 1, 20: 2}, grace) == kept
    assert kept_with({}, grace) == 1


def test_lateness_histogram_has_16_buckets_per_doubling() -> None:
    """Up to 32 ms each millisecond has its own bucket."""
    for ms in (32, 64, 1024):
        assert len({behind_bound(each) for each in range(ms + 1, 2 * ms + 1)}) == 16
    assert [behind_bound(each) for each in range(33)] == list(range(33))


@pytest.mark.parametrize("ms", [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 60_001, 86_400_000])
def test_lateness_bucket_rounds_up_by_at_most_a_sixteenth(ms: int) -> None:
    """The bound of a bucket is its own bucket."""
    bound = behind_bound(ms)
    assert ms <= bound <= ms + ms / 16
    assert behind_bound(bound) == bound
