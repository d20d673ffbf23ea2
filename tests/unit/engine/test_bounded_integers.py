"""Record types that may hold integers beyond 64 bits, and the fate of such a record."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from eventfold.engine.integers import bounded

LARGE = 1 << 64


class Node(Struct):
    """Something that holds others of its kind."""

    name: str
    inner: list["Node"] = []


class Counted(Struct):
    """The same, with a number."""

    inner: list["Counted"] = []
    count: int = 0


class Beside(Struct):
    """A number beside what has none."""

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
        (Beside, {"node": {"name": "a"}, "count": LARGE}),
    ],
    ids=str,
)
def test_an_integer_that_no_row_holds_is_refused(kind: Any, value: Any) -> None:
    """Wherever it stands in a record; the last that one holds is taken."""
    read = bounded(kind, lambda given: msgspec.convert(given, kind))
    with pytest.raises(ValueError, match=r"^an integer has more than 64 bits$"):
        read(value)


@pytest.mark.parametrize(
    ("kind", "value"), [(int, (1 << 64) - 1), (int, -(1 << 63)), (list[int], []), (Any, None)]
)
def test_what_fits_is_read(kind: Any, value: Any) -> None:
    """As it is."""
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
def test_records_without_unbounded_integers_are_not_looked_at_twice(kind: Any) -> None:
    """Their reader is used as it is: that costs nothing."""

    def decode(value: Any) -> Any:
        return value

    assert bounded(kind, decode) is decode
