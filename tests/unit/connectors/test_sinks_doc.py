"""The code in docs/sinks.md, as it stands there."""

import re
from pathlib import Path
from typing import Any

from sink_records import Rejected, batch, record

import eventfold as ef

PAGE = Path(__file__).parents[3] / "docs" / "sinks.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


class Visit(ef.Record):
    """Somebody saw a page."""

    page: str
    time: int


def archive() -> Any:
    """Return the class of the page's example."""
    names: dict[str, Any] = {}
    exec(BLOCKS[1], names)  # noqa: S102  # our own page
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


def test_sinks_in_code_are_declared_for_the_topics_of_their_sources(tmp_path: Path) -> None:
    """A table's is the topic that it publishes; the groups are those of the command."""
    app = ef.App("site", settings=ef.Settings(APP_DATADIR=tmp_path))
    visits = ef.Topic("visits", Visit, key="page")
    pages = app.window_table("pages", visits, "5m", visits=ef.count())
    exec(BLOCKS[0], {"app": app, "visits": visits, "pages": pages})  # noqa: S102  # our own page
    assert [(each.topic.base_name, each.target) for each in app.declared_sinks] == [
        ("page-times", "postgresql://***@db/site"),
        ("visits", "parquet:/data/visits"),
    ]
    groups = [each.group.rpartition("-")[0] for each in app.declared_sinks]
    assert groups == ["site-sink-page-times", "site-sink-visits"]
