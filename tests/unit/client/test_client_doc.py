"""The page about the client and the notebook: their code runs against a worker."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from web_workers import Worker

REPOSITORY = Path(__file__).parents[3]
BLOCKS = re.findall(
    r"^```python\n(.*?)^```",
    (REPOSITORY / "docs" / "client.md").read_text(),
    re.DOTALL | re.MULTILINE,
)
NOTEBOOK = json.loads((REPOSITORY / "examples" / "candles.ipynb").read_text())


def test_examples_of_the_page_read_frames(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as a reader would run them; what follows results has no end."""
    monkeypatch.setenv("EVENTFOLD_URL", worker.url)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        code = compile(block.replace("http://127.0.0.1:6066", worker.url), "client.md", "exec")
        if "import Gap, watch" not in block:
            exec(code, names)  # noqa: S102  # our own page
    assert names["candles"].columns[:2] == ["symbol", "size"]
    assert len(names["largest"]) == 0
    assert names["january"].num_rows == 0
    assert names["tables"]["candles"].windows == ["1m", "5m", "5m/1m"]


def test_notebook_draws_a_candle_for_each_window(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chart is valid Vega-Lite; the notebook is kept without outputs."""
    monkeypatch.setenv("EVENTFOLD_URL", worker.url)
    names: dict[str, Any] = {}
    cells = [each for each in NOTEBOOK["cells"] if each["cell_type"] == "code"]
    assert all(each["outputs"] == [] for each in cells)
    exec("".join(cells[0]["source"]), names)  # noqa: S102  # our own notebook
    names |= {"SYMBOL": "AAA", "SINCE": "2026-01-31"}
    for cell in cells[1:]:
        exec("".join(cell["source"]), names)  # noqa: S102  # the same
    drawn = names["chart"].to_dict()
    assert [layer["mark"]["type"] for layer in drawn["layer"]] == ["rule", "bar"]
    (rows,) = drawn["datasets"].values()
    assert [row["close"] for row in rows] == names["candles"]["close"].to_list()
