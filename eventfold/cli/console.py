"""Tables and other texts on a terminal, or in a file."""

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from eventfold.visible import visible_line


class VisibleConsole(Console):
    """Prints texts as they are, be they of records, brokers, workers or files.

    No markup, no emoji by name; control characters are visible, and a text is one line. Colours
    are those of styles alone. Its `file` is no Plain one, which would show the terminal's codes.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make what is printed of a string, before it is measured."""
        return super().render_str(visible_line(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Make what is printed of anything."""
        if isinstance(renderable, Text):
            shown = visible_line(renderable.plain)
            if shown != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = shown
        return super().render(renderable, options)

    def print_table(
        self,
        headings: Iterable[str],
        rows: Iterable[Iterable[str]],
        *,
        title: str | None = None,
        justify: JustifyMethod = "left",
    ) -> None:
        """Print rows below their headings."""
        table = Table(title=title and Text(title), title_justify="left", box=SIMPLE_HEAD)
        for heading in headings:
            table.add_column(heading, justify=justify)
        for row in rows:
            table.add_row(*row)
        self.print(table)
