"""Partition of a record that we write: by its key, as Kafka's default partitioner in Java."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventfold.engine.outputs import partition_of
from eventfold.native import extension


@given(st.binary(max_size=300), st.integers(1, 1_000))
def test_the_extension_partitions_every_key_as_the_fallback_does(key: bytes, count: int) -> None:
    """Else a key's records would be in two partitions after a worker without the extension."""
    native = extension()
    if native is None:
        pytest.skip("the native extension is not installed: make native")
    assert native.placing.partition_of(key, count) == partition_of(key, count)


def test_keys_are_partitioned_as_by_kafkas_java_client() -> None:
    """Kafka's own test of its murmur2 has these hashes: 21 -> -973932308, foobar -> -790332482."""
    assert partition_of(b"21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000
    assert partition_of(b"foobar", 1_000) == (-790332482 & 0x7FFFFFFF) % 1_000
