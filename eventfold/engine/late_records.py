"""Records of what came too late, generated from the type of the source's records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import defstruct

from eventfold.records.fields import Integer
from eventfold.records.shape import annotation_of, fields_of, members
from eventfold.topics import Topic
from eventfold.windows import Rejection
from eventfold.windows.errors import DefinitionError

#: Fields of a late record, after those of its own: `Rejection`'s.
_REJECTION = {
    "reason": str,
    "stream_time": Integer,
    "grace": Integer,
    "partition": Integer,
    "offset": Integer,
    "table": str,
}


def late_records(source: Topic, where: str) -> tuple[type[Any], Callable[[Any, Rejection], Any]]:
    """Return the type of late records of a topic, and the function that makes them.

    It has the fields of the record, and then those of `Rejection`. Raises DefinitionError if a
    field has both.
    """
    kinds = members(source.value)
    if len(kinds) > 1:
        raise DefinitionError(f"{where}: a union of records needs a function: late(topic, record)")
    names = list(fields_of(kinds[0]))
    for name in names:
        if name in _REJECTION:
            raise DefinitionError(
                f"{where}: records have a field {name!r} of their own, which late records need: "
                "use late(topic, record) with a function"
            )
    own = [(name, annotation_of(kinds[0], name)) for name in names]
    kind = defstruct(
        f"Late{kinds[0].__name__}",
        [*own, *_REJECTION.items()],
        namespace={"__doc__": f"{kinds[0].__name__} that arrived after its grace."},
        frozen=True,
        gc=False,
    )

    def make(record: Any, rejection: Rejection) -> Any:
        return kind(
            *[getattr(record, name) for name in names],
            rejection.reason,
            rejection.stream_time,
            rejection.grace,
            rejection.partition,
            rejection.offset,
            rejection.table,
        )

    return kind, make
