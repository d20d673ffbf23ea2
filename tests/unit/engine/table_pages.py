"""One page of a table's windows as a list; the web server reads it piece by piece."""

from itertools import islice

from eventfold.engine.window_table import Place, WindowTable
from eventfold.windows import WindowDefinition, WindowResult


def page(
    table: WindowTable,
    window: WindowDefinition,
    *,
    begin: int,
    end: int,
    limit: int,
    after: Place | None = None,
) -> list[WindowResult]:
    """Return the first windows of all keys that start in [begin, end) (ms), after a position."""
    keys = set(table.keys_of(window, begin, end))
    return list(islice(table.windows_of(keys, window, begin, end, after), limit))
