"""What workers do at this moment, read from their web API and `/metrics` (`faust -A app top`)."""

from app.top.look import NoWorkerError, Watcher
from app.top.screen import draw
from app.top.view import View

__all__ = ["NoWorkerError", "View", "Watcher", "draw"]
