"""Keys of records as text: tables, rows and topics know a key by its text alone.

A text key is its own text. A number is the shortest text that reads back as the same number, a
whole one without a point: `7`, `0.5`. A key of several fields is a JSON array of them,
without spaces: `["DE","/home"]`. The types of the fields are fixed by the record type, so two
different keys never have the same text, and `key_parser` is the inverse.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import inspect

from eventfold.decoding import json_decoder
from eventfold.records.shape import fields_of, members, name_of
from eventfold.windows.errors import DefinitionError

#: The name of a field, or of several that are a key together.
KeyFields = str | tuple[str, ...]

_encode = msgspec.json.encode

#: Up to here, each whole float is one integer.
_LARGEST_WHOLE = 2**53


def key_fields(key: KeyFields) -> tuple[str, ...]:
    """Return the names of a key's fields."""
    return (key,) if isinstance(key, str) else key


def number_text(value: float) -> str:
    """Return a number as a key: equal numbers have the same text.

    >>> number_text(7), number_text(7.0), number_text(0.5)
    ('7', '7', '0.5')
    """
    return repr(_canonical(value))


def key_text(key: Any) -> str:
    """Return a key as text: a text, a number, or a tuple of such.

    >>> key_text("home"), key_text(7), key_text(("DE", 7))
    ('home', '7', '["DE",7]')
    """
    if isinstance(key, str):
        return key
    if isinstance(key, tuple | list):
        return _encode(
            [each if isinstance(each, str) else _canonical(each) for each in key]
        ).decode()
    return number_text(key)


def _canonical(value: float) -> float:
    """Return a whole number as an int: 7.0 and -0.0 equal 7 and 0, and so have their text."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_WHOLE
    return int(value) if whole else value


def key_reader(kind: Any, key: KeyFields) -> Callable[[Any], str]:
    """Return the function that computes the key, as text, of a record of a topic.

    `kind` is the type of the topic's records. A text field costs no more than its attribute.
    """
    get: Callable[[Any], Any] = attrgetter(key) if isinstance(key, str) else attrgetter(*key)
    if is_text(kind, key):
        return get
    return lambda record: key_text(get(record))


def is_text(kind: Any, key: KeyFields) -> bool:
    """Return whether a key is one text field, in each record type of a topic."""
    if not isinstance(key, str):
        return False
    try:
        return all(_holds_text(fields_of(each)[key]) for each in members(kind))
    except (KeyError, TypeError):
        return False


def key_parser(kind: Any, key: KeyFields) -> Callable[[str], tuple[Any, ...]]:
    """Return the function that parses the text of a key into the values of the key's fields."""
    if isinstance(key, str):
        parse = _plain_type(kind, key)
        return lambda text: (parse(text),)
    types = tuple(_plain_type(kind, each) for each in key)
    return json_decoder(tuple[types])  # type: ignore[valid-type]


def demand_key(kind: Any, key: KeyFields, where: str) -> None:
    """Raise DefinitionError unless the fields of a key exist and can be a key."""
    names = key_fields(key)
    if not names:
        raise DefinitionError(f"{where}: name a field, or several, as its key")
    for each in members(kind):
        known = fields_of(each)
        for name in names:
            if name not in known:
                raise DefinitionError(
                    f"{name_of(each)} has no field {name!r}, the key of {where}; its fields are "
                    f"{', '.join(known)}"
                )
            info = known[name]
            if not (_holds_text(info) or isinstance(info, inspect.IntType | inspect.FloatType)):
                raise DefinitionError(
                    f"{where}: {name_of(each)}.{name} can't be a key: a key is a text or a number, "
                    "never missing"
                )


def _holds_text(info: Any) -> bool:
    if isinstance(info, inspect.LiteralType):
        return all(isinstance(each, str) for each in info.values)
    return isinstance(info, inspect.StrType)


def _plain_type(kind: Any, name: str) -> type[str] | type[int] | type[float]:
    info = fields_of(members(kind)[0])[name]
    if isinstance(info, inspect.IntType):
        return int
    return float if isinstance(info, inspect.FloatType) else str
