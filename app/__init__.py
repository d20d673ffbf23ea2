"""What every pipeline shares. `faust -A app ...` finds the application here.

`app.app` is made when it is first asked for, so that `import eventfold.windows` loads no Faust.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.worker import TickApp

    app: TickApp

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from app.worker import app  # noqa: PLC0415  # on demand, that is the point

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
