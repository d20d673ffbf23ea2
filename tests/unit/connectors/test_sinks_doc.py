"""The sink of one's own in docs/sinks.md, as it stands there."""

import re
from pathlib import Path
from typing import Any

from sink_records import Rejected, batch, record

PAGE = Path(__file__).parents[3] / "docs" / "sinks.md"


def archive() -> Any:
    """Return the class of the page's example."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # our own page
    return names["Archive"]


async def test_sink_of_ones_own_continues_where_its_file_is(tmp_path: Path) -> None:
    """Whatever Kafka has committed, and a partition that it has not read begins at 0."""
    kind, path = archive(), tmp_path / "archive.pickle"
    sink = kind(None, path)
    await sink.open()
    assert await sink.resume({"visits-0": 5}) == {"visits-0": 0}
    await sink.write([batch([record(b"a", 0), record(b"b", 1)])], Rejected())
    again = kind(None, path)
    await again.open()
    assert await again.resume({"visits-0": 0, "visits-1": 3}) == {"visits-0": 2, "visits-1": 0}
    await again.write([batch([record(b"c", 2)])], Rejected())
    assert again.state["values"] == [b"a", b"b", b"c"]
