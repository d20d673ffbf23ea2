"""Preset: what is known of the files of one publisher."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from eventfold.connectors.reading.times import DateOrder
from eventfold.connectors.rows import Layout, Row, RowFile, UnreadableFileError
from eventfold.connectors.rows.dialect import are_values


class WrongPresetError(Exception):
    """Rows are not what the preset of their file says; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What is known of files: columns, zone, and how their rows become records.

    What a user says comes first: see `with_options`.
    """

    layout: Layout = field(default_factory=Layout)
    #: Names of the columns of files without a header, by their number.
    headless: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    #: Field to column, as `--map`: `A+B` are joined, of `A|B` it is the first there is, `A|` need
    #: not be there.
    mapping: Mapping[str, str] = field(default_factory=dict)
    #: Texts of fields, as `--set`.
    constants: Mapping[str, str] = field(default_factory=dict)
    #: Zone of times that have none; None if it is not known.
    zone: tzinfo | None = None
    order: DateOrder | None = None
    #: Decimal mark of numbers; None if it is not known.
    decimal: str | None = None
    #: Type of the rows, if they are not the topic's records.
    kind: Any = None
    #: Returns, for each file, what makes records of its rows in their order, with the zone of its
    #: times. That may raise ValueError for a row that makes none, and WrongPresetError.
    expand: Callable[[tzinfo], Callable[[Any], Iterable[Any]]] | None = None
    #: Names what a row is that has no record and is not meant to, such as a quote without a trade.
    skip: Callable[[Mapping[str, Any]], str | None] | None = None
    #: Finds texts of fields in a file's name, as named groups.
    file_name: re.Pattern[str] | None = None
    #: Presets of other files of the publisher, which are tried in turn if columns are missing.
    others: "tuple[Preset, ...]" = ()
    #: What a user whose file lacks a column may do, beside naming another.
    hint: str = ""

    def with_options(
        self,
        *,
        layout: Layout,
        mapping: Mapping[str, str],
        constants: Mapping[str, str],
        zone: tzinfo | None,
        order: DateOrder | None,
        decimal: str | None,
    ) -> "Preset":
        """Return it with what a user says in options, of which None and empty ones say nothing."""
        known = self.layout
        given: dict[str, Any] = {
            "layout": Layout(
                delimiter=layout.delimiter or known.delimiter,
                encoding=layout.encoding or known.encoding,
                columns=layout.columns or known.columns,
                no_header=layout.no_header or known.no_header,
                comment=layout.comment or known.comment,
            ),
            "zone": zone or self.zone,
            "order": order or self.order,
            "decimal": decimal or self.decimal,
        }
        every = [
            replace(
                each,
                **given,
                mapping={**each.mapping, **mapping},
                constants={**each.constants, **constants},
            )
            for each in (self, *self.others)
        ]
        return replace(every[0], others=tuple(every[1:]))

    @property
    def time_zone(self) -> tzinfo:
        """Zone of times that have none."""
        return self.zone or UTC

    def constants_of(self, name: str) -> dict[str, str]:
        """Return the texts of fields for the file `name`; `{name}` is the name without suffixes."""
        found = self.file_name.search(name) if self.file_name else None
        stem = re.sub(r"\.(?:csv|txt|tsv|jsonl?|ndjson|parquet|gz|zip)(?=\.|$)", "", name)
        given = {field: text.replace("{name}", stem) for field, text in self.constants.items()}
        named = found.groupdict() if found else {}
        return {name: text for name, text in named.items() if name not in self.mapping} | given

    def layout_of(self, path: Path) -> Layout:
        """Return the layout of a file, whose columns are named if it has no header.

        Raises UnreadableFileError.
        """
        if not self.headless or self.layout.columns:
            return self.layout
        probe = RowFile(path, replace(self.layout, no_header=True))
        first = next((row for row in probe.rows() if isinstance(row, Row)), None)
        if first is None or not are_values([str(value) for value in first.values.values()]):
            return self.layout
        width = len(probe.columns or ())
        if width not in self.headless:
            known = " or ".join(str(each) for each in sorted(self.headless))
            raise UnreadableFileError(f"{path}: {width} columns without names; {known} are known")
        return replace(self.layout, columns=self.headless[width], no_header=True)
