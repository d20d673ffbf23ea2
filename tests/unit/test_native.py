"""The native extension is optional: a worker logs whether it has it, and works without."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.settings import Settings
from eventfold.native import INTERFACE, extension, in_words


@pytest.fixture(autouse=True)
def fresh_search() -> Iterator[None]:
    """Search for the extension again in each test and after it."""
    extension.cache_clear()
    yield
    extension.cache_clear()


def test_pure_python_is_used_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed import is no error."""
    monkeypatch.setitem(sys.modules, "tickstream_native", None)
    assert extension() is None
    assert "not installed" in in_words(Settings())


def test_extension_built_for_other_code_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update it has to be built again; until then pure Python is used."""
    other: Any = ModuleType("tickstream_native")
    other.INTERFACE = INTERFACE + 1
    for name in ("trades", "windows", "rows"):
        part = ModuleType(f"tickstream_native.{name}")
        monkeypatch.setitem(sys.modules, part.__name__, part)
        setattr(other, name, part)
    monkeypatch.setitem(sys.modules, "tickstream_native", other)
    assert extension() is None


def test_extension_is_not_used_if_the_setting_is_off() -> None:
    """The log names TICKSTREAM_NATIVE as the reason."""
    assert in_words(Settings(TICKSTREAM_NATIVE=False)) == "by pure Python: TICKSTREAM_NATIVE is off"


def test_installed_extension_is_used() -> None:
    """It was built for this checkout."""
    pytest.importorskip("tickstream_native", reason="not installed: make native")
    assert extension() is not None
    assert in_words(Settings()) == "by the native extension"
