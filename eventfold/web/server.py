"""Web server: Faust's with this project's paths, which `App` uses in place of Faust's own."""

import errno
import socket
from typing import Any, ClassVar

import msgspec
from faust.web.drivers import aiohttp as driver

from eventfold.engine.errors import StartError
from eventfold.open_files import describe_os_error
from eventfold.web.api import ROUTES
from eventfold.web.application import APP
from eventfold.web.caching import add_cache_control, save_bytes
from eventfold.web.dashboard import add_files
from eventfold.web.errors import json_errors
from eventfold.web.live.hub import new_hub
from eventfold.web.live.stream import HUB
from eventfold.web.openapi import DOCUMENT, document
from eventfold.web.protection import protect
from eventfold.web.registry import registry_application
from eventfold.web.routes import versioned
from eventfold.web.status.metrics import count_requests


class Server(driver.Web):
    """Faust's server on aiohttp with `/` as the dashboard; Faust's other views keep their paths.

    Faust mounts its statistics or a constant "OK" at `/`. The statistics move to `/stats/`; the
    constant is dropped, because `/healthz` covers it.
    """

    production_blueprints: ClassVar[Any] = ()
    # Only `/performance/` needs a setting to be served; Faust's other blueprints need none.
    blueprint_flags: ClassVar[Any] = {"faust.web.apps.metrics:blueprint": "web_metrics_enabled"}
    debug_blueprints: ClassVar[Any] = (
        ("/graph", "eventfold.web.faust_views:blueprint"),
        ("/stats", "faust.web.apps.stats:blueprint"),
    )

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.web_app[APP] = app
        routes = versioned((*ROUTES, *app.routes))
        self.web_app[DOCUMENT] = document(app.title, routes)
        self.web_app[HUB] = new_hub(app)
        self.web_app.on_shutdown.append(self.web_app[HUB].shut)
        self.web_app.middlewares.extend((count_requests, json_errors, save_bytes))
        self.web_app.on_response_prepare.append(add_cache_control)
        for route in routes:
            self.web_app.router.add_get(route.path, route.handle)
        add_files(self.web_app, app.static_files)
        self.web_app.add_subapp("/registry", registry_application(app))
        self._runner = protect(self.web_app, app.settings)

    async def start_server(self) -> None:
        """Start to listen. Raises StartError if the address can't be used any more."""
        try:
            await super().start_server()
        except OSError as error:
            conf = self.app.conf
            raise _unusable_address(str(conf.web_bind), conf.web_port, error) from error

    async def read_request_content(self, request: Any) -> bytes:
        """Return the body, which was read already within its limit: Faust's own read has none."""
        return bytes(await request.read())

    def json(self, value: Any, **kwargs: Any) -> Any:
        """Return a JSON response; convert structs in a list, which Faust can't write, to dicts."""
        if isinstance(value, list):
            value = [msgspec.to_builtins(v) if isinstance(v, msgspec.Struct) else v for v in value]
        return super().json(value, **kwargs)


def demand_address(host: str, port: int) -> None:
    """Raise StartError if we can't listen on our address: the server itself starts late."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind(address)
                # Another program may have bound the address without listening yet.
                server.listen(1)
    except OSError as error:
        raise _unusable_address(host, port, error) from error


def _unusable_address(host: str, port: int, error: OSError) -> StartError:
    """Return the error for an address that the web server can't use, with the setting to change."""
    reason = describe_os_error(error)
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        why = "another program uses it" if error.errno == errno.EADDRINUSE else reason
        return StartError(f"WEB_PORT={port} can't be used at {host}: {why}: set another WEB_PORT")
    return StartError(
        f"WEB_BIND={host} can't be used: {reason}: set an address of this machine, or 0.0.0.0 for "
        "all of them"
    )
