"""Protection of the web server: authentication, authorization, rate limits and timeouts.

connections   limits on connections: number, idle time, slow readers
edge          first checks of every request: rate limit of its client, well-formed head
middleware    the checks that follow, in their order
addresses     client address of a request, also behind proxies
rate          rate limits, and budgets of event loop time; shares: those of requests
credentials   tokens and passwords, and the role that a path needs
signatures    authentication between workers; seals: message authentication codes
sessions      cookies of browsers; login: sign-in page
bodies        limits on request bodies: size, duration
headers       headers for browsers: security, sites whose pages may send requests
refused       counter of refused requests
"""

from aiohttp import web

from eventfold.settings import Settings
from eventfold.web.protection.connections import Runner
from eventfold.web.protection.headers import secure
from eventfold.web.protection.login import add_login
from eventfold.web.protection.middleware import check
from eventfold.web.protection.shares import SHARES, Shares, share_loop
from eventfold.web.protection.signatures import http_client

__all__ = ["http_client", "protect"]


def protect(application: web.Application, conf: Settings) -> Runner:
    """Add all protection to an application; return the runner that accepts its connections.

    Call it after the middlewares that count requests and answer errors are added, so that they see
    what is refused. Refusals at the edge are counted by `eventfold_http_refused_total` alone.
    """
    add_login(application, conf)
    application[SHARES] = Shares()
    application.middlewares.extend((check, share_loop))
    application.on_response_prepare.append(secure)
    return Runner(application, conf.web_connections)
