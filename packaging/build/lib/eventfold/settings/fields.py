"""How settings that are no bare number or text are read, and shown."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_settings import NoDecode

from eventfold.windows.durations import format_duration, parse_duration


def read(parse: Callable[[str], Any]) -> BeforeValidator:
    """Return a validator that reads text with `parse`."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def show(write: Callable[[Any], str]) -> PlainSerializer:
    """Return a serializer that writes a value with `write`."""
    return PlainSerializer(write, when_used="json")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _positive(ms: int) -> int:
    if ms <= 0:
        raise ValueError("has to be longer than nothing")
    return ms


def join(values: tuple[Any, ...]) -> str:
    """Return values as text, separated by commas."""
    return ",".join(map(str, values))


# Each with how it is read, and how people are shown it.
#: Milliseconds, written as `30s`, `5m`, `4h`.
Duration = Annotated[int, read(parse_duration), AfterValidator(_positive), show(format_duration)]
Names = Annotated[tuple[str, ...], read(_names), show(join), NoDecode]
