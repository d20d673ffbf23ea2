"""What stands between a client and the handlers: who it is, what it may, how much it may take.

connections   how many, how long they may be silent, how slowly they may read
middleware    the order of what follows
addresses     whom a request comes from, behind proxies too
rate          how many requests of a client
roles         what a path asks for; credentials: what a request shows
peers         how workers know each other; sessions: how browsers are remembered
login         the page that asks people who they are
bodies        what is sent to us: how much, how slowly
headers       what browsers may do with our answers; cors: whose pages may ask
"""

from aiohttp import web

from app.settings import Settings
from app.web.protection.connections import Runner
from app.web.protection.headers import secure
from app.web.protection.login import add_login
from app.web.protection.middleware import check
from app.web.protection.peers import http_client

__all__ = ["http_client", "protect"]


def protect(application: web.Application, conf: Settings) -> Runner:
    """Put all of it before the handlers of an application; give what takes its connections.

    After the middlewares that count requests and answer errors, which are to see what it refuses.
    """
    add_login(application, conf)
    application.middlewares.append(check)
    application.on_response_prepare.append(secure)
    return Runner(application, conf.web_connections)
