"""Types of a record's fields, as far as rows of text have to be converted to them."""

from enum import Enum, auto
from typing import Any, NamedTuple

from msgspec import inspect

from eventfold.records.fields import EARLIEST
from eventfold.records.shape import inspected, members


class Form(Enum):
    """Forms of values."""

    TIME = auto()
    #: A number with or without decimals.
    NUMBER = auto()
    #: A number without decimals.
    WHOLE = auto()
    TEXT = auto()
    #: An object or a list, as JSON in a cell, or with a column for each member.
    NESTED = auto()
    #: What msgspec converts from text: booleans, enums, UUIDs.
    OTHER = auto()


class FieldType(NamedTuple):
    """Form of a field's values, and whether every record has one; an object's members."""

    form: Form
    required: bool = False
    kind: Any = None


def field_types(kind: Any) -> dict[str, FieldType]:
    """Return the fields of a record type by their names in JSON; of a union, those of all."""
    found: dict[str, FieldType] = {}
    every = [inspected(each) for each in members(kind)]
    for info in every:
        if tag := getattr(info, "tag_field", None):
            found[tag] = FieldType(Form.TEXT, required=len(every) > 1)
        for field in info.fields:
            is_in_all = all(
                any(field.encode_name == each.encode_name and each.required for each in one.fields)
                for one in every
            )
            found[field.encode_name] = FieldType(_form(field.type), is_in_all, field.type)
    return found


def member_form(kind: Any) -> Form:
    """Return the form of the values of a dictionary; of other objects, what msgspec converts."""
    types = [each for each in _members(kind) if isinstance(each, inspect.DictType)]
    return _form(types[0].value_type) if types else Form.OTHER


def _members(kind: Any) -> list[Any]:
    kind = kind.type if isinstance(kind, inspect.Metadata) else kind
    if isinstance(kind, inspect.UnionType):
        return [one for each in kind.types for one in _members(each)]
    return [] if isinstance(kind, inspect.NoneType) else [kind]


def _form(kind: Any) -> Form:
    types = _members(kind)
    if any(isinstance(each, inspect.IntType) and each.ge == EARLIEST for each in types):
        return Form.TIME
    if any(isinstance(each, inspect.StrType) for each in types):
        return Form.TEXT
    if types and all(isinstance(each, inspect.IntType | inspect.FloatType) for each in types):
        is_whole = all(isinstance(each, inspect.IntType) for each in types)
        return Form.WHOLE if is_whole else Form.NUMBER
    nested = inspect.DictType | inspect.StructType | inspect.DataclassType | inspect.CollectionType
    return Form.NESTED if any(isinstance(each, nested) for each in types) else Form.OTHER
