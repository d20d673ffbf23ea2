"""The native extension is optional: a worker logs whether it has it, and works without."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from eventfold.native import INTERFACE, extension, in_words


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Search for the extension anew in each test and after it."""
    extension.cache_clear()
    yield
    extension.cache_clear()


def test_without_it_python_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be imported is no error."""
    monkeypatch.setitem(sys.modules, "tickstream_native", None)
    assert extension() is None
    assert "make native" in in_words(wanted=True)


def test_one_built_for_other_code_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update it has to be built again; until then Python does the work."""
    other: Any = ModuleType("tickstream_native")
    other.INTERFACE = INTERFACE + 1
    for name in ("trades", "windows", "rows"):
        part = ModuleType(f"tickstream_native.{name}")
        monkeypatch.setitem(sys.modules, part.__name__, part)
        setattr(other, name, part)
    monkeypatch.setitem(sys.modules, "tickstream_native", other)
    assert extension() is None


def test_it_is_not_used_where_it_is_not_wanted() -> None:
    """TICKSTREAM_NATIVE=false; whoever reads the log sees why."""
    assert in_words(wanted=False) == "by pure Python: TICKSTREAM_NATIVE is off"


def test_where_it_is_installed_it_is_used() -> None:
    """And is of this checkout."""
    pytest.importorskip("tickstream_native", reason="not installed: make native")
    assert extension() is not None
    assert in_words(wanted=True) == "by the native extension"
