"""Keys of the settings in the web application, and of the signed digest in a request."""

from aiohttp import web

from eventfold.settings import Settings

CONF: web.AppKey[Settings] = web.AppKey("CONF", Settings)

#: Digest of the body that another worker has signed; None if the request has no valid signature.
SIGNED: web.RequestKey[str | None] = web.RequestKey("SIGNED", str)
