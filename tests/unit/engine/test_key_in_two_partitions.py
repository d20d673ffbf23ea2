"""Keys in several partitions are reported once, within a memory limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.key_places import OVERHEAD, KeyPlaces

SIGHTINGS = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=5))
)


@given(SIGHTINGS)
def test_each_key_in_several_partitions_is_reported_once(
    sightings: list[tuple[int, list[bytes]]],
) -> None:
    """With another partition that it is in, whatever else comes in the batch."""
    places, reported = KeyPlaces(), []
    homes: dict[bytes, set[int]] = {}
    for partition, keys in sightings:
        found = places.add(keys, partition)
        assert all(other in homes[key] and other != partition for key, other in found)
        reported += [key for key, _ in found]
        for key in keys:
            homes.setdefault(key, set()).add(partition)
            assert places.knows(key, partition)
    assert sorted(reported) == sorted(key for key, where in homes.items() if len(where) > 1)


def test_keys_of_one_partition_do_not_fill_the_memory() -> None:
    """When the room is used up, all are dropped; a key larger than the room is not kept."""
    places = KeyPlaces(room=10 * (OVERHEAD + 2))
    for number in range(100):
        places.add([b"%02d" % number], 0)
    assert sum(places.knows(b"%02d" % number, 0) for number in range(100)) <= 10
    assert places.add([b"x" * 10_000], 0) == []
    assert not places.knows(b"x" * 10_000, 0)
    assert places.add([b"99"], 0) == []
    assert places.add([b"99"], 1) == [(b"99", 0)]


@pytest.mark.parametrize(("spare", "kept"), [(1, True), (0, True), (-1, False)])
def test_keys_are_kept_up_to_the_memory_limit(spare: int, *, kept: bool) -> None:
    """Exact to the byte, one by one or at once; of keys that do not fit together, none is."""
    room = 2 * OVERHEAD + 5 + spare
    places, at_once = KeyPlaces(room), KeyPlaces(room)
    places.add([b"aa"], 0)
    places.add([b"bbb"], 1)
    assert places.knows(b"aa", 0) is kept
    assert places.knows(b"bbb", 1)
    at_once.add([b"aa", b"bbb"], 0)
    assert at_once.knows(b"aa", 0) is at_once.knows(b"bbb", 0) is kept
