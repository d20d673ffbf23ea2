"""Application of this repository: its settings, and the discovery of commands and pipelines."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from app import dashboard
from app.settings import Settings, settings
from app.simulations import sources
from app.up import OPTIONS, make_simulators
from app.use_case import use_cases
from eventfold.cli.commands import load_commands
from eventfold.cli.commands.produce import offer
from eventfold.cli.commands.up import register
from eventfold.cli.exits import OWN
from eventfold.engine.errors import describe_error
from eventfold.environment import Environment
from eventfold.settings import SettingsError
from eventfold.web.dashboard import Page
from eventfold.windows.errors import DefinitionError
from eventfold.worker.app import App, process_options

#: Value of TICKSTREAM_PIPELINES for only the user's own modules.
NO_PIPELINES = "none"


class TickApp(App):
    """Application of all pipelines, with a page of the dashboard for each use case."""

    title = "tickstream"

    routes = tuple(route for each in use_cases() for route in each.routes)
    static_files = dashboard.files()

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.pipelines = _pipelines(settings)
        super().__init__(settings=settings, **options)

    @cached_property
    def pages(self) -> Sequence[Page]:
        """Pages of the use cases that run."""
        return dashboard.pages(self.tasks.tables)

    @property
    def further_settings(self) -> Mapping[str, Environment]:
        """Settings of the use cases."""
        own = ((each.title or each.name, each.settings) for each in use_cases())
        return {title: kind.load() for title, kind in own if kind}


def discover(application: TickApp) -> None:
    """Import the commands, the selected pipelines, then the user's own (`TICKSTREAM_MODULES`).

    A pipeline is a module of `agents`; it imports the tables it folds into. Raises SettingsError
    for a module of the user that can't be imported.
    """
    load_commands("app.commands")
    offer(sources())
    register(make_simulators, *OPTIONS)
    for name in application.pipelines:
        import_module(f"agents.{name}")
    for name in application.settings.modules:
        _import_own(name)


def _import_own(name: str) -> None:
    """Import a module of the user's. Raises SettingsError if there is none, or it raises."""
    try:
        import_module(name)
    except DefinitionError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it raises, the user has to know where
        missing = isinstance(error, ModuleNotFoundError) and error.name
        reason = describe_error(error)
        if missing and f"{name}.".startswith(f"{missing}."):
            reason = (
                f"there is no module {name!r}: it has to be found from the directory where this "
                "was started, or from PYTHONPATH"
            )
        raise SettingsError(f"TICKSTREAM_MODULES={name}: {reason}") from None


def _pipelines(conf: Settings) -> list[str]:
    known = _modules("agents")
    if conf.pipelines == (NO_PIPELINES,) or (conf.modules and not conf.pipelines):
        return []
    for name in conf.pipelines:
        if name not in known:
            raise SettingsError(
                f"TICKSTREAM_PIPELINES: there is no pipeline {name!r}; there are "
                f"{', '.join(known)}, or {NO_PIPELINES} for none of them"
            )
    return sorted(set(conf.pipelines or known))


def _modules(package: str) -> list[str]:
    found = iter_modules(import_module(package).__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


OWN.update({"app", "agents", "tables"})
app = TickApp(settings(), **process_options(settings()))
try:
    discover(app)
except DefinitionError as error:
    raise SettingsError(str(error)) from None
