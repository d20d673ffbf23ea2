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
