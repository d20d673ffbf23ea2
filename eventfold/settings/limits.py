"""Limits of the texts in records, which are a part of the record types themselves."""

from pydantic import BaseModel, Field


class RecordLimits(BaseModel):
    """Longest texts in records; an application may make them settings of its own.

    msgspec compiles them into a record type, and a type belongs to its process: all applications
    of a process have the same limits.
    """

    max_name: int = Field(
        256,
        ge=1,
        le=16_000,
        description="Longest key, id or name in a record (characters); a record with a longer one "
        "is a dead letter. The same for all workers",
    )
    max_text: int = Field(
        4_096,
        ge=1,
        le=100_000,
        description="The same of any other text in a record",
    )


_limits = RecordLimits()
_are_used = False


def limit_records(limits: RecordLimits) -> None:
    """Set the limits of this process, before anything imports `eventfold.records`.

    Raises RuntimeError if record types have other limits already.
    """
    global _limits  # noqa: PLW0603  # of the process, as the record types are
    wanted = RecordLimits(max_name=limits.max_name, max_text=limits.max_text)
    if _are_used and wanted != _limits:
        raise RuntimeError(
            f"record types have the limits {_limits!r} already, which can't become {wanted!r}: "
            "call limit_records before the first import of eventfold.records"
        )
    _limits = wanted


def record_limits() -> RecordLimits:
    """Return the limits of this process, which can't change any more."""
    global _are_used  # noqa: PLW0603  # the same
    _are_used = True
    return _limits
