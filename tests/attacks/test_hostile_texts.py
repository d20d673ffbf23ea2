"""Texts of records and requests are printed escaped: they control no terminal, forge no line."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attacked import attacked
from hostile_symbols import CONTROL_CHARACTERS, SYMBOLS
from hypothesis import given, settings
from hypothesis import strategies as st
from mode.utils.logging import setup_logging
from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table
from rich.text import Text

from app.market.records import Gainer, TopGainers
from app.settings import Settings
from eventfold.cli.console import VisibleConsole
from eventfold.cli.output import Plain
from eventfold.telemetry import logs
from eventfold.visible import visible, visible_line
from eventfold.web.status.metrics import WORKER

FAUST = Path(sys.executable).with_name("faust")

TEXTS = st.text(st.characters() | st.sampled_from("\x1b\x9b\x00\x7f\n\r\t[]/\u202e\u2028\ud800"))


@given(TEXTS)
@settings(deadline=None, database=None)
def test_visible_text_has_no_control_characters(text: str) -> None:
    """Text without them stays as it is."""
    assert not CONTROL_CHARACTERS.search(visible(text))
    assert not re.search(r"[\n\t]", visible_line(text))
    if not CONTROL_CHARACTERS.search(text):
        assert visible(text) == text


@given(st.dictionaries(st.text(), st.text() | st.integers()))
@settings(deadline=None, database=None)
def test_escaped_json_decodes_to_the_same_value(record: dict) -> None:
    """Programs read it from a command's `--json`."""
    assert json.loads(visible(json.dumps(record, ensure_ascii=False))) == record


@given(TEXTS)
@settings(deadline=None, database=None)
def test_console_prints_no_control_characters(text: str) -> None:
    """In a table's cells, as a title and alone; each text on one line."""
    printed, usual = _printed(text), _printed("A")
    assert not CONTROL_CHARACTERS.search(printed)
    assert printed.count("\n") == usual.count("\n")
    assert visible_line(text).strip() in printed
    styled = Table("first", title=Text(text), box=SIMPLE_HEAD)
    styled.add_row(Text(text, "bold"))
    assert not CONTROL_CHARACTERS.search(_printed(styled))


def _printed(shown: str | Table) -> str:
    """Return what a console prints of a text in a table and of a text alone; or of a table."""
    out = io.StringIO()
    console = VisibleConsole(file=out, width=10_000, highlight=False)
    table = Table("first", title="A", box=SIMPLE_HEAD)
    table.add_row(shown)
    console.print(table)
    console.print(shown, soft_wrap=True)
    return out.getvalue()


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_live_display_emits_only_its_own_escape_codes(symbol: str) -> None:
    """A symbol adds no escape code to those of the display."""
    drawn = []
    for text in symbol, "A" * len(visible_line(symbol)):
        out = io.StringIO()
        console = VisibleConsole(
            file=out, force_terminal=True, width=200, height=20, highlight=False
        )
        with Live(text, console=console, auto_refresh=False):
            pass
        drawn.append(out.getvalue())
    assert drawn[0].replace(visible_line(symbol), "") == drawn[1].replace(
        "A" * len(visible_line(symbol)), ""
    )


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_plain_output_of_a_command_has_no_control_characters(symbol: str) -> None:
    """Also lines that are printed without a console."""
    out = io.StringIO()
    print(f"symbol {symbol}", file=Plain(out))
    assert not CONTROL_CHARACTERS.search(out.getvalue())


@pytest.mark.parametrize("json_lines", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_log_line_has_no_control_characters_and_forges_no_line(
    symbol: str, json_lines, monkeypatch, tmp_path
) -> None:
    """In the formats text and JSON; a text quoted in a line begins no line of its own."""
    conf = Settings(TICKSTREAM_LOG_FORMAT="json" if json_lines else "text")
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    file = tmp_path / "log"
    setup_logging(loglevel="INFO", logfile=str(file), logging_config=logs.config(conf))
    error = ValueError(f"no symbol {symbol}\n[forged] line")
    logging.getLogger("app").error("symbol %s of \n[forged] line", symbol, exc_info=error)
    for handler in root.handlers:
        handler.close()
    text = file.read_text(encoding="utf-8")
    assert not CONTROL_CHARACTERS.search(text)
    assert "ValueError" in text
    first_lines = [line for line in text.splitlines() if not line.startswith(" ")]
    assert not [line for line in first_lines if line.startswith("[forged]")]
    assert len(first_lines) == 1 if json_lines else len(first_lines) <= 2, first_lines


def test_top_prints_hostile_symbols_escaped_one_a_line() -> None:
    """No symbol clears the screen, forges a line or ends the command."""
    day, symbols = "2026-01-31", sorted(SYMBOLS.values())
    ranked = [Gainer(symbol, 0.5, 1.0, 1.5, 0) for symbol in symbols]
    with attacked() as worker:
        WORKER.info({"application": "a", "worker": f"127.0.0.1:{worker.port}", "pipelines": ""})
        worker.app.tables.data["gainers"].shelf = {0: {day: [TopGainers(day, ranked, 0, 1)]}}
        command = [FAUST, "-A", "app", "top", "--once", "--interval", "100ms"]
        done = subprocess.run(
            [*command, "--url", f"127.0.0.1:{worker.port}"],
            env={**os.environ, "COLUMNS": "150"}, capture_output=True, timeout=100, check=False,
        )  # fmt: skip
        worker.assert_answers_readers()
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert not CONTROL_CHARACTERS.search(shown)
    lines = [line.strip() for line in shown.splitlines()[-len(symbols) - 1 :] if line.strip()]
    for rank, (symbol, line) in enumerate(zip(symbols, lines, strict=True), 1):
        assert line.startswith(f"{rank}. {visible_line(symbol)} ")
