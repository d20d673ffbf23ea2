"""What stands between a client and the handlers: who it is, what it may, how much it may take.

connections   how many, how long they may be silent, how slowly they may read
edge          what every request meets first: its client's rate, a head that can be read
middleware    the order of what follows
addresses     whom a request comes from, behind proxies too
rate          how many requests of a client; shares: how much of the event loop's time
roles         what a path asks for; credentials: what a request shows
peers         how workers know each other; sessions: how browsers are remembered
login         the page that asks people who they are
bodies        what is sent to us: how much, how slowly
headers       what browsers may do with our answers; cors: whose pages may ask
"""

from aiohttp import web

from app.settings import Settings
from eventfold.web.protection.connections import Runner
from eventfold.web.protection.headers import secure
from eventfold.web.protection.login import add_login
from eventfold.web.protection.middleware import check
from eventfold.web.protection.peers import http_client
from eventfold.web.protection.shares import SHARES, Shares, share_loop

__all__ = ["http_client", "protect"]


def protect(application: web.Application, conf: Settings) -> Runner:
    """Put all of it before the handlers of an application; return what takes its connections.

    After the middlewares that count requests and answer errors, which are to see what it refuses;
    but for what is refused at the edge, which `tickstream_http_refused_total` alone counts.
    """
    add_login(application, conf)
    application[SHARES] = Shares()
    application.middlewares.extend((check, share_loop))
    application.on_response_prepare.append(secure)
    return Runner(application, conf.web_connections)
