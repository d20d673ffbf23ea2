"""Under which name the web application keeps its settings."""

from aiohttp import web

from app.settings import Settings

CONF: web.AppKey[Settings] = web.AppKey("CONF", Settings)
