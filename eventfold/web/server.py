"""Web server: Faust's with this project's paths, which `App` uses in place of Faust's own."""

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from aiohttp import web
from faust.web.drivers import aiohttp as driver

from eventfold.web.api import PAGES, ROUTES
from eventfold.web.caching import save_bytes
from eventfold.web.dashboard import STATIC, add_headers
from eventfold.web.errors import json_errors
from eventfold.web.listening import unusable_address
from eventfold.web.live.outputs import new_hub
from eventfold.web.live.stream import HUB
from eventfold.web.lookup import APP
from eventfold.web.metrics import count_requests
from eventfold.web.openapi import DOCUMENT, document
from eventfold.web.protection import protect
from eventfold.web.registry import registry_application
from eventfold.web.routes import versioned


class Server(driver.Web):
    """Faust's server on aiohttp with `/` as the dashboard; Faust's other views keep their paths.

    Faust mounts its statistics or a constant "OK" at `/`. The statistics move to `/stats/`; the
    constant is dropped, because `/healthz` covers it.
    """

    production_blueprints: ClassVar[Any] = ()
    # Only `/performance/` needs a setting to be served; Faust's other blueprints need none.
    blueprint_flags: ClassVar[Any] = {"faust.web.apps.metrics:blueprint": "web_metrics_enabled"}
    debug_blueprints: ClassVar[Any] = (
        ("/graph", "eventfold.web.graph:blueprint"),
        ("/stats", "faust.web.apps.stats:blueprint"),
    )

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.web_app[APP] = app
        routes = versioned(
            route
            for route in (*ROUTES, *app.routes)
            if app.dashboard is not None or route.path not in PAGES
        )
        self.web_app[DOCUMENT] = document(routes)
        self.web_app[HUB] = new_hub(app)
        self.web_app.on_shutdown.append(self.web_app[HUB].shut)
        self.web_app.middlewares.extend((count_requests, json_errors, save_bytes))
        self.web_app.on_response_prepare.append(add_headers)
        for route in routes:
            self.web_app.router.add_get(route.path, route.handle)
        if app.dashboard is not None:
            self.web_app[STATIC] = app.dashboard
            for path, content in app.static_files.items():
                self.web_app.router.add_get(f"/static/{path}", partial(_answer_static, content))
            self.web_app.router.add_static("/static/", app.dashboard)
        self.web_app.add_subapp("/registry", registry_application(app))
        self._runner = protect(self.web_app, app.settings)

    async def start_server(self) -> None:
        """Start to listen. Raises StartError if the address can't be used any more."""
        try:
            await super().start_server()
        except OSError as error:
            conf = self.app.conf
            raise unusable_address(str(conf.web_bind), conf.web_port, error) from error

    async def read_request_content(self, request: Any) -> bytes:
        """Return the body, which was read already within its limit: Faust's own read has none."""
        return bytes(await request.read())

    def json(self, value: Any, **kwargs: Any) -> Any:
        """Return a JSON response; convert structs in a list, which Faust can't write, to dicts."""
        if isinstance(value, list):
            value = [msgspec.to_builtins(v) if isinstance(v, msgspec.Struct) else v for v in value]
        return super().json(value, **kwargs)


async def _answer_static(content: Path | str, _: web.Request) -> web.StreamResponse:
    if isinstance(content, Path):
        return web.FileResponse(content)
    return web.Response(text=content, content_type="text/javascript")
