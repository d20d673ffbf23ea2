"""Search for a record that makes an unwritable row: it is left out of its table."""

import pytest
from aiokafka import TopicPartition

from eventfold.engine.errors import UnwritableError
from eventfold.engine.unwritable import Careful, Unwritable


def failed(begin: int, end: int, offset: int | None = None, table: str = "t") -> UnwritableError:
    """Return the error of a checkpoint of the offsets [begin, end)."""
    return UnwritableError(table, f"offset {offset}", begin, end, offset)


@pytest.mark.parametrize(("begin", "helps"), [(19, False), (20, True), (21, True)])
def test_an_unwritable_record_is_searched_for_once(begin: int, *, helps: bool) -> None:
    """Records up to 20 are folded one by one; a failure before that has another cause."""
    careful = Careful()
    assert careful.note(failed(10, 20))
    assert careful.until == 20
    assert careful.note(failed(begin, 30)) is helps
    assert careful.until == 30
    careful.note(failed(begin, 25))
    assert careful.until == 30


def test_an_unwritable_record_is_left_out_of_its_table_only() -> None:
    """Records before the last checkpoint are forgotten; to find one again does not help."""
    careful = Careful()
    assert careful.note(failed(10, 20, 15))
    assert careful.note(failed(10, 20, 17, "other"))
    assert (careful.left_out("t"), careful.left_out("other")) == (
        {15: "offset 15"},
        {17: "offset 17"},
    )
    assert not careful.note(failed(15, 16, 15))
    assert (careful.left_out("t"), careful.until) == ({15: "offset 15"}, 20)
    assert careful.note(failed(16, 22, 18))
    assert (careful.left_out("t"), careful.until) == ({18: "offset 18"}, 22)


def test_each_partition_has_unwritable_records_of_its_own() -> None:
    """Most partitions have none."""
    found, one, other = Unwritable(), TopicPartition("t", 0), TopicPartition("t", 1)
    assert found.of(one) is None
    assert found.note(one, failed(0, 5))
    assert not found.note(one, failed(4, 9))
    assert found.note(other, failed(4, 9))
    careful = found.of(one)
    assert careful is not None
    assert careful.until == 9
