"""Decoding JSON that comes from outside: records, requests, answers, files. One kind of error.

msgspec alone raises three kinds, two of which nobody thinks of: for a text that is no UTF-8, and
for one that is nested so deeply that decoding it would overrun the stack. What reads a topic would
end by them, for all that comes after.
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
    """Return what decodes JSON into a type, whose bounds it checks.

    What it returns raises `msgspec.DecodeError`, a ValueError, whatever is wrong with its input.

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
    """Decode what is decoded once; see `json_decoder`."""
    return json_decoder(kind)(text)
