"""Changes of a dead record before it is sent again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec

from eventfold.cli.command import OptionError
from eventfold.decoding import decode_json, json_decoder

_Function = Callable[[bytes | None], bytes | None]

# Raw: fields that are not changed stay as they are, byte for byte.
_fields = json_decoder(dict[str, msgspec.Raw])


class FixError(Exception):
    """A record can't be changed as asked for; the message says why."""


class SkippedError(FixError):
    """The user's function returned None for a record: it is not to be sent."""


@dataclass(frozen=True)
class Fix:
    """Changes: fields of a JSON object, then a function of the value, then the key."""

    #: New JSON by field; None removes it.
    fields: tuple[tuple[str, msgspec.Raw | None], ...] = ()
    function: _Function | None = None
    #: Whether a keyed topic's record gets the key that its value has.
    rekeys: bool = False

    def __bool__(self) -> bool:
        return self != Fix()

    def apply(self, value: bytes | None) -> bytes | None:
        """Return the value to send. Raises FixError."""
        if self.fields:
            value = self._with_fields(value)
        if self.function is None:
            return value
        try:
            made = self.function(value)
        except Exception as error:
            raise FixError(f"--fix-with raised {type(error).__name__}: {error}") from error
        if made is None:
            raise SkippedError("left out by --fix-with")
        if not isinstance(made, bytes):
            raise FixError(f"--fix-with returned {type(made).__name__}, no bytes")
        return made

    def _with_fields(self, value: bytes | None) -> bytes:
        try:
            found = _fields(value or b"")
        except ValueError:
            raise FixError("--fix: its value is no JSON object: use --fix-with") from None
        for name, made in self.fields:
            if made is None:
                found.pop(name, None)
            else:
                found[name] = made
        return msgspec.json.encode(found)


def parse_fix(fields: Iterable[str], function: str | None, *, rekeys: bool) -> Fix:
    """Parse the options `--fix`, `--fix-with` and `--fix-key`. Raises OptionError."""
    changes = tuple(map(_change, fields))
    made = None if function is None else _import(function)
    return Fix(changes, made, rekeys or bool(changes) or made is not None)


def _change(text: str) -> tuple[str, msgspec.Raw | None]:
    name, equals, value = text.partition("=")
    if equals and name:
        return name, _as_json(value)
    if not equals and name.startswith("-") and name != "-":
        return name[1:], None
    raise OptionError(f"--fix: {text!r} is neither FIELD=VALUE nor -FIELD, which removes it")


def _as_json(text: str) -> msgspec.Raw:
    try:
        decode_json(text)
    except ValueError:
        return msgspec.Raw(msgspec.json.encode(text))
    return msgspec.Raw(text.encode())


def _import(name: str) -> _Function:
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"--fix-with: {name} can't be imported: {error}") from error
    if not callable(found):
        raise OptionError(f"--fix-with: {name} is no function")
    made: _Function = found
    return made
