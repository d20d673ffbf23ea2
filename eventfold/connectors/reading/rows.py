"""Reader of rows as records of a type: columns become fields, texts numbers and times."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from eventfold.connectors.reading.field_types import FieldType, Form, field_types, member_form
from eventfold.connectors.reading.mapping import Columns, MissingColumnsError, describe_columns
from eventfold.connectors.reading.numbers import NumberReader, is_missing
from eventfold.connectors.reading.times import TimeReader
from eventfold.decoding import decode_json

#: Most shapes of JSON objects whose fields are remembered.
_MOST_PLANS = 1_000
_EXPECTED = re.compile(r"Expected `(?P<kind>[^`]*)`(?P<bound>.*?)(?:, got `[^`]*`)?")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
#: Most characters of a value in a message.
_SHOWN = 60
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}


class _Step(NamedTuple):
    """One field of a record, and the columns that it is made of."""

    field: str
    #: Name of a member, if the field is an object with a column for each.
    member: str
    columns: tuple[str, ...]
    form: Form
    required: bool
    #: Makes the field's value of a cell's; None if it is that.
    convert: Callable[[Any], Any] | None


class RowReader:
    """Reader of rows as records of `kind`.

    A field is the column of its name, or that of `mapping` (`Close`, `Date+Time`, `Name|Symbol`),
    or the text of `constants`. `time` is the field with the event time; records may have no such
    field. Members of an object are columns too: `values.temperature`.
    """

    def __init__(
        self,
        kind: Any,
        times: TimeReader,
        numbers: NumberReader,
        *,
        mapping: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
        time: str = "time",
    ) -> None:
        self._kind, self._time = kind, time
        self._times, self._numbers = times, numbers
        self._mapping = dict(mapping or {})
        self._types = field_types(kind)
        self._types[time] = FieldType(Form.TIME, required=True)
        constants = constants or {}
        for name in [*(each.partition(".")[0] for each in self._mapping), *constants]:
            if name not in self._types:
                raise ValueError(
                    f"--map, --set: {name!r} is no field; there are {', '.join(self._types)}"
                )
        self._constants: dict[str, Any] = {}
        for name, text in constants.items():
            convert = self._converter(self._types[name].form)
            try:
                self._constants[name] = convert(text) if convert else text
            except ValueError as error:
                raise ValueError(f"--set {name}: {error}") from error
        self._plans: dict[tuple[str, ...], list[_Step]] = {}

    def demand(self, columns: Sequence[str]) -> None:
        """Raise MissingColumnsError if a file with these columns lacks one that is needed."""
        self._plan(tuple(columns))

    def numbers_of(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the texts of some rows that are read as numbers."""
        steps = [
            each for each in self._plan(tuple(columns)) if each.form in {Form.NUMBER, Form.WHOLE}
        ]
        texts = [row.get(step.columns[0]) for row in rows for step in steps]
        return [text for text in texts if isinstance(text, str)]

    def described(self, columns: Sequence[str]) -> str:
        """Describe which columns of a file become which fields."""
        pairs = [
            f"{step.field}{step.member and '.'}{step.member}={'+'.join(step.columns)}"
            for step in self._plan(tuple(columns))
        ]
        return ", ".join([*pairs, *(f"{name}={each}" for name, each in self._constants.items())])

    def read(self, row: Mapping[str, Any], columns: Sequence[str] | None) -> tuple[Any, int]:
        """Return the record of a row and its event time (ms).

        `columns` are those of the file; None if each row has names of its own. Raises ValueError,
        with the column and the reason, for a row that is no record, and MissingColumnsError.
        """
        fields: dict[str, Any] = self._constants.copy()
        word = "field" if columns is None else "column"
        steps = self._steps(row) if columns is None else self._plan(tuple(columns))
        for field, member, sources, _, required, convert in steps:
            value = row.get(sources[0]) if len(sources) == 1 else _joined(row, sources)
            if value is not None and convert is not None:
                try:
                    value = convert(value)
                except ValueError as error:
                    if required or not is_missing(value):
                        raise ValueError(f"{word} {'+'.join(sources)}: {error}") from None
                    value = None
            if value is None:
                if required:
                    raise ValueError(f"{word} {'+'.join(sources)} is empty")
            elif member:
                fields.setdefault(field, {})[member] = value
            else:
                fields[field] = value
        return self._record(fields, row, steps, word), fields[self._time]

    def _record(
        self, fields: dict[str, Any], row: Mapping[str, Any], steps: list[_Step], word: str
    ) -> Any:
        try:
            record = msgspec.convert(fields, self._kind, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(_explained(str(error), row, steps, word)) from None
        for name, value in fields.items():
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"{word} {name}: {value} is no finite number")
        return record

    def _steps(self, row: Mapping[str, Any]) -> list[_Step]:
        try:
            return self._plan(tuple(row))
        except MissingColumnsError as error:
            reason = str(error).replace("the file has no column", "no field")
            raise ValueError(reason.partition(": --map")[0]) from None

    def _plan(self, columns: tuple[str, ...]) -> list[_Step]:
        plan = self._plans.get(columns)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[columns] = self._planned(Columns(columns))
        return plan

    def _planned(self, columns: Columns) -> list[_Step]:
        """Return the fields that these columns make. Raises MissingColumnsError."""
        steps = []
        for name, kind in self._types.items():
            written = self._mapping.get(name)
            sources = columns.sources(written or name)
            if name in self._constants or sources == ():
                continue
            if sources is not None:
                steps.append(self._step(name, "", sources, kind.form, required=kind.required))
                continue
            if written is not None:
                raise MissingColumnsError(
                    f"the file has no column {written!r} for {name}; "
                    f"{describe_columns(columns.names)}"
                )
            members = self._members(name, kind, columns)
            if kind.required and not members:
                value = f" or --set {name}=VALUE" if kind.form is Form.TEXT else ""
                raise MissingColumnsError(
                    f"the file has no column {name!r}; {describe_columns(columns.names)}: "
                    f"--map {name}=COLUMN{value}"
                )
            steps += members
        return steps

    def _members(self, name: str, kind: FieldType, columns: Columns) -> list[_Step]:
        if kind.form is not Form.NESTED:
            return []
        found = dict(columns.below(name))
        for field, written in self._mapping.items():
            if field.startswith(f"{name}."):
                sources = columns.sources(written)
                if sources is None:
                    raise MissingColumnsError(
                        f"the file has no column {written!r} for {field}; "
                        f"{describe_columns(columns.names)}"
                    )
                found[field[len(name) + 1 :]] = sources[0]
        form = member_form(kind.kind)
        return [self._step(name, member, (column,), form) for member, column in found.items()]

    def _step(
        self,
        name: str,
        member: str,
        columns: tuple[str, ...],
        form: Form,
        *,
        required: bool = False,
    ) -> _Step:
        return _Step(name, member, columns, form, required, self._converter(form))

    def _converter(self, form: Form) -> Callable[[Any], Any] | None:
        """Return what makes a value of the form of a cell's; it raises ValueError."""
        match form:
            case Form.TIME:
                return self._times.read
            case Form.NUMBER:
                return self._number
            case Form.WHOLE:
                return self._whole
            case Form.TEXT:
                return _text
            case Form.NESTED:
                return _nested
            case _:
                return None

    def _number(self, value: Any) -> Any:
        return self._numbers.read(value) if isinstance(value, str) else value

    def _whole(self, value: Any) -> Any:
        number = self._number(value)
        is_whole = isinstance(number, float) and number.is_integer()
        return int(number) if is_whole else number


def _text(value: Any) -> Any:
    """Return a text; a number (a symbol such as 600519, in JSON or Parquet) as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _nested(value: Any) -> Any:
    """Return the object or list that a cell has as JSON."""
    is_json = isinstance(value, str) and value.lstrip()[:1] in {"{", "["}
    return decode_json(value) if is_json else value


def _joined(row: Mapping[str, Any], columns: tuple[str, ...]) -> Any:
    """Return the value of one column, or those of several with a blank between; None if empty."""
    if len(columns) == 1:
        return row.get(columns[0])
    values = [row.get(name) for name in columns]
    return None if None in values else " ".join(map(str, values))


def _explained(message: str, row: Mapping[str, Any], steps: Sequence[_Step], word: str) -> str:
    """Return msgspec's message in the words of files: `column size: '-3' is not a number ...`."""
    found = _PATH.search(message)
    field = re.split(r"[.\[]", found["path"])[0] if found else ""
    step = next((each for each in steps if each.field == field), None)
    reason = message[: found.start()] if found else message
    if step is None:
        return f"{field}: {reason}" if field else reason
    shown = repr(_joined(row, step.columns))
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 4]}...{shown[-1]}"
    expected = _EXPECTED.fullmatch(reason)
    if step.form is Form.TIME:
        reason = f"{shown} is before 1973, or after the year 5138"
    elif expected:
        kinds = [_WORDS.get(each, each) for each in expected["kind"].split(" | ")]
        wanted = " or ".join(dict.fromkeys(each for each in kinds if each != "null"))
        reason = f"{shown} is not {wanted}{_bound(expected['bound'])}"
    name = f"{field}.*" if step.member else "+".join(step.columns)
    return f"{word} {name}: {reason}"


def _bound(text: str) -> str:
    """Return a bound of msgspec's messages in words: ` >= 0` is ` of at least 0`."""
    text = re.sub(r"\.0$", "", text).replace(">=", "of at least").replace("<=", "of at most")
    return text.replace("of length of at", "with a length of at").replace(">", "above")
