"""Decoders of JSON from outside (records, requests, responses, files) with one kind of error.

msgspec itself raises three kinds. Two of them are easily forgotten: one for text that is not
UTF-8, one for text nested so deeply that decoding it would overrun the stack. A consumer that
does not catch them stops at that record.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")


@overload
def json_decoder(kind: type[T]) -> Callable[[bytes | str], T]: ...
@overload
def json_decoder(kind: Any) -> Callable[[bytes | str], Any]: ...
def json_decoder(kind: Any) -> Callable[[bytes | str], Any]:
    """Return a function that decodes JSON into the type `kind` and checks the type's bounds.

    For any invalid input, that function raises `msgspec.DecodeError`, a ValueError.

    >>> json_decoder(list[int])(b"[1, 2]")
    [1, 2]
    """
    decode = msgspec.json.Decoder(kind).decode  # noqa: TID251

    def read(text: bytes | str) -> Any:
        try:
            return decode(text)
        except UnicodeDecodeError as error:
            raise msgspec.DecodeError(str(error)) from None
        except RecursionError:
            raise msgspec.DecodeError("it is nested too deeply") from None

    return read


@overload
def decode_json(text: bytes | str, kind: type[T]) -> T: ...
@overload
def decode_json(text: bytes | str, kind: Any = Any) -> Any: ...
def decode_json(text: bytes | str, kind: Any = Any) -> Any:
    """Decode one text; use `json_decoder` for many of a type. Raises `msgspec.DecodeError`."""
    return json_decoder(kind)(text)


#: Most digits of a number: any number of 19 digits fits into 64 unsigned bits.
MOST = 19


def read_digits(text: str) -> int | None:
    """Return the number written as 1 to 19 ASCII digits, or None for any other text.

    Neither `int` nor `str.isdigit` is a sufficient check. `int` accepts `1_0` and ` 1`, and raises
    for 5,000 digits; `isdigit` is true of `²`, which `int` rejects.

    >>> read_digits("42"), read_digits("²"), read_digits("-1"), read_digits("9" * 5_000)
    (42, None, None, None)
    """
    return int(text) if len(text) <= MOST and text.isascii() and text.isdigit() else None
