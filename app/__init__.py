"""The application of all pipelines: `faust -A app ...` finds it here.

`app.app` is created at its first use, so that `import app.settings` loads no Faust.
"""

from typing import TYPE_CHECKING, Any

from app import settings as _settings  # its prefix, before records read their limits

if TYPE_CHECKING:
    from app.worker import TickApp

    app: TickApp

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name == "app":
        # On demand, and settings first: a bad one is the most frequent error.
        _settings.settings()
        from app.worker import app  # noqa: PLC0415

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
