"""Objects in rows that encode themselves as bytes."""

from struct import Struct as Format
from typing import Any, Self

import pytest
from msgspec import Struct

from eventfold.aggregates import Packed
from eventfold.engine.rows import RowDecoder, UnreadableRowError, encode_row

_FORMAT = Format(">hh")


class Point(Packed):
    """Type that MessagePack has no form for."""

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y

    def to_bytes(self) -> bytes:
        """Encode the point in four bytes."""
        return _FORMAT.pack(self.x, self.y)

    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Self:
        """Raise `struct.error`, which is no ValueError, where there are not four."""
        return cls(*_FORMAT.unpack(raw))


class Path(Struct, array_like=True):
    """A state with such objects in it."""

    name: str
    points: list[Point]
    last: Point | None = None


read = RowDecoder("walks", 2, [int, Path])


def test_packed_objects_are_restored_from_a_row() -> None:
    """At any place in the state."""
    row = encode_row(2, 7, Path("a", [Point(1, 2), Point(-3, 4)], Point(5, 6)))
    count, path = read(b"row", row)
    assert (count, path.name) == (7, "a")
    assert [(point.x, point.y) for point in [*path.points, path.last]] == [(1, 2), (-3, 4), (5, 6)]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (b"abc", "not the bytes of Point: unpack requires a buffer of 4 bytes"),
        (b"", "not the bytes of Point"),
        ("abcd", "expected the bytes of Point, got str"),
        (3, "expected the bytes of Point, got int"),
        ([1, 2], "expected the bytes of Point, got list"),
    ],
    ids=repr,
)
def test_an_unreadable_packed_object_names_its_row(item: Any, problem: str) -> None:
    """Whatever the object's own code raises: the worker stops with one line."""
    with pytest.raises(UnreadableRowError) as caught:
        read(b"key", encode_row(2, 7, ["a", [item], None]))
    assert str(caught.value).startswith("table walks, row b'key': ")
    assert problem in str(caught.value)


def test_a_state_that_no_row_can_hold_is_named_by_its_class() -> None:
    """It fails at its first checkpoint."""
    with pytest.raises(TypeError, match=r"^a row can't hold object objects$"):
        encode_row(1, object())
