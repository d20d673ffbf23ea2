"""Preset: what is known of the files of one publisher."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any

from eventfold.connectors.reading.times import DateOrder
from eventfold.connectors.rows import Layout


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What is known of files: columns, zone, and how their rows become records.

    What a user says comes first: see `told`.
    """

    layout: Layout = field(default_factory=Layout)
    #: Field to column, as `--map`; a column may be `A+B` (joined) or `A|B` (the first there is).
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
    #: times; it may raise ValueError for a row that makes none.
    expand: Callable[[tzinfo], Callable[[Any], Iterable[Any]]] | None = None
    #: Names what a row is that has no record and is not meant to, such as a quote without a trade.
    skip: Callable[[Mapping[str, Any]], str | None] | None = None
    #: Finds texts of fields in a file's name, as named groups.
    file_name: re.Pattern[str] | None = None

    def told(
        self,
        *,
        layout: Layout,
        mapping: Mapping[str, str],
        constants: Mapping[str, str],
        zone: tzinfo | None,
        order: DateOrder | None,
        decimal: str | None,
    ) -> "Preset":
        """Return it with what a user says; None and what is empty says nothing."""
        known = self.layout
        return replace(
            self,
            layout=Layout(
                delimiter=layout.delimiter or known.delimiter,
                encoding=layout.encoding or known.encoding,
                columns=layout.columns or known.columns,
                no_header=layout.no_header or known.no_header,
                comment=layout.comment or known.comment,
            ),
            mapping={**self.mapping, **mapping},
            constants={**self.constants, **constants},
            zone=zone or self.zone,
            order=order or self.order,
            decimal=decimal or self.decimal,
        )

    @property
    def time_zone(self) -> tzinfo:
        """Zone of times that have none."""
        return self.zone or UTC

    def constants_of(self, name: str) -> dict[str, str]:
        """Return the texts of fields for the file `name`; `{name}` is the name without suffixes."""
        found = self.file_name.search(name) if self.file_name else None
        stem = re.sub(r"\.(?:csv|txt|tsv|jsonl?|ndjson|parquet|gz|zip)(?=\.|$)", "", name)
        told = {field: text.replace("{name}", stem) for field, text in self.constants.items()}
        return (found.groupdict() if found else {}) | told
