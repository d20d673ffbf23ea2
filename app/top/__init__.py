"""Screen of an application's workers, from their web API and `/metrics` (`faust -A app top`)."""

from app.top.scrape import NoWorkerError, Scraper
from app.top.screen import draw
from app.top.view import View

__all__ = ["NoWorkerError", "Scraper", "View", "draw"]
