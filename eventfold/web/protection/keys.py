"""Under which names the web application keeps its settings, and a request its signature."""

from aiohttp import web

from app.settings import Settings

CONF: web.AppKey[Settings] = web.AppKey("CONF", Settings)

#: The digest of the body that another worker has signed with the request; None where none has.
SIGNED: web.RequestKey[str | None] = web.RequestKey("SIGNED", str)
