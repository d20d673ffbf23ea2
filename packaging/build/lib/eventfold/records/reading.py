"""Readers of JSON records, in the form that their type declares and in others that it reads."""

from collections.abc import Callable
from typing import Any

from msgspec import ValidationError

from eventfold.decoding import json_decoder


def reader(kind: Any) -> Callable[[bytes], Any]:
    """Return a reader of a record type; the reader raises `msgspec.DecodeError`.

    A type that is also sent in another form has a class method `read_sent`, which gets the values
    that do not fit its declaration: numbers as text, for example.
    """
    decode, read_sent = json_decoder(kind), getattr(kind, "read_sent", None)
    if read_sent is None:
        return decode

    def read(value: bytes) -> Any:
        try:
            return decode(value)
        except ValidationError:
            return read_sent(value)

    return read
