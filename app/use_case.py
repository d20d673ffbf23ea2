"""Use case: the contribution of one package of `app`, which declares it as USE_CASE."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from eventfold.environment import Environment, prefixed

#: Configuration of a use case's settings; `settings()` of their module returns the process's.
PREFIX = prefixed("TICKSTREAM_")


@dataclass(frozen=True)
class UseCase:
    """Contribution of the package `app.NAME` to the application.

    Its routes are ROUTES of its module `routes`, if it has one; its tiles and its page of the
    dashboard are files (app/dashboard.py). Further sources for `produce` are SOURCES of its module
    `sources`. A simulation, by the name that `produce --source` knows, is SIMULATION of its module
    `simulator`. They are imported when they are needed: settings are read before anything else, and
    workers simulate nothing.
    """

    name: str
    settings: type[Environment] | None = None
    simulation: str | None = None
    #: Heading of its settings, if not its name.
    title: str | None = None
    #: Whether it is listed before the others, which are in order of their names.
    is_main: bool = False

    @property
    def routes(self) -> Sequence[Any]:
        """Its HTTP routes (`eventfold.web.routes.Route`)."""
        return self._declared("routes", "ROUTES")

    @property
    def sources(self) -> Sequence[Any]:
        """Its sources (`eventfold.cli.sources.Source`) beside its simulation."""
        return self._declared("sources", "SOURCES")

    def _declared(self, module: str, name: str) -> Sequence[Any]:
        path = f"app.{self.name}.{module}"
        return getattr(import_module(path), name) if find_spec(path) else ()


@cache
def use_cases() -> tuple[UseCase, ...]:
    """Return the use cases of this application: nothing else names them."""
    packages = (each for each in iter_modules(import_module("app").__path__, "app.") if each.ispkg)
    modules = [import_module(each.name) for each in packages]
    found = [each.USE_CASE for each in modules if hasattr(each, "USE_CASE")]
    return tuple(sorted(found, key=lambda each: not each.is_main))
