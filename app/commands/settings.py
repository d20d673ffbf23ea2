"""`faust -A app settings`: every environment variable, its value, its default, its meaning."""

import json
import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.commands._process import JSON, LongCommand
from app.security.secret import is_secret
from app.settings import Settings
from app.settings import settings as of_this_process


class settings(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """List the settings: each environment variable with its value, default and meaning."""

    examples = (
        ("settings", ""),
        ("settings --json", "for a program"),
    )
    options = [JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """Show them; what differs from its default stands out."""
        rows = _rows(of_this_process())
        if self.json:
            self.say(json.dumps(rows))
            return
        table = Table(box=SIMPLE_HEAD)
        table.add_column("variable", no_wrap=True)
        for heading in "value", "default", "meaning":
            table.add_column(heading, overflow="fold")
        for row in rows:
            value, default = _text(row["value"]), _text(row["default"])
            style = "" if value == default else "bold"
            table.add_row(
                Text(row["variable"], style), Text(value, style), Text(default), row["meaning"]
            )
        # Piped into a file or another program, a line is one setting, however long.
        Console(file=self.stdout, width=None if sys.stdout.isatty() else 300).print(table)


def _rows(conf: Settings) -> list[dict[str, Any]]:
    values = conf.model_dump(mode="json")
    defaults = Settings.model_construct().model_dump(mode="json")
    return [
        {
            "variable": field.alias,
            "value": "***" if values[name] and is_secret(field.json_schema_extra) else values[name],
            "default": defaults[name],
            "meaning": field.description,
        }
        for name, field in sorted(Settings.model_fields.items(), key=_is_inherited)
    ]


def _is_inherited(named: tuple[str, Any]) -> bool:
    """Say whether a field is one of `app/security`, which are shown after the others."""
    return named[0] not in Settings.__annotations__


def _text(value: Any) -> str:
    return "" if value is None else str(value)
