"""Integers beyond 64 bits are rejected by record types that could hold them."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from eventfold.engine.integers import bounded

LARGE = 1 << 64


class Node(Struct):
    """Recursive struct without integers."""

    name: str
    inner: list["Node"] = []


class Counted(Struct):
    """Recursive struct with an integer."""

    inner: list["Counted"] = []
    count: int = 0


class NodeAndCount(Struct):
    """Struct with a nested struct and an integer."""

    node: Node
    count: int


BOUNDED = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, LARGE),
        (Any, LARGE),
        (Any, {"deep": [LARGE]}),
        (int | str, LARGE),
        (list[int], [LARGE]),
        (set[int], [LARGE]),
        (dict[str, int], {"a": LARGE}),
        (tuple[str, int], ["a", LARGE]),
        (tuple[int, ...], [1, LARGE]),
        (Annotated[int, Meta(ge=0)], LARGE),
        (Annotated[int, Meta(lt=10)], -LARGE),
        (Counted, {"inner": [{"count": LARGE}]}),
        (NodeAndCount, {"node": {"name": "a"}, "count": LARGE}),
    ],
    ids=str,
)
def test_an_integer_beyond_64_bits_is_rejected(kind: Any, value: Any) -> None:
    """At any depth of a record; no row could hold it."""
    read = bounded(kind, lambda given: msgspec.convert(given, kind))
    with pytest.raises(ValueError, match=r"^an integer has more than 64 bits$"):
        read(value)


@pytest.mark.parametrize(
    ("kind", "value"), [(int, (1 << 64) - 1), (int, -(1 << 63)), (list[int], []), (Any, None)]
)
def test_integers_that_fit_into_64_bits_are_read_unchanged(kind: Any, value: Any) -> None:
    """The limits are included."""
    assert bounded(kind, lambda given: msgspec.convert(given, kind))(value) == value


@pytest.mark.parametrize(
    "kind",
    [
        str,
        float,
        bytes | None,
        list[str],
        dict[str, float],
        tuple[str, bool],
        BOUNDED,
        Annotated[int, Meta(gt=0, lt=10)],
        list[BOUNDED | str],
        Node,
    ],
    ids=str,
)
def test_types_without_unbounded_integers_are_not_checked(kind: Any) -> None:
    """Their decoder is used as it is, so the check costs nothing."""

    def decode(value: Any) -> Any:
        return value

    assert bounded(kind, decode) is decode
