"""The login page, and the session cookie that it sets."""

import errno
import os
import time
from http.cookies import SimpleCookie

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from guarded_workers import ADMIN, PASSWORD, READ, TOKENS, USERS, guarded

from eventfold.security.keys import keys_of
from eventfold.web.protection.seals import seal
from eventfold.web.protection.sessions import LIFETIME

CANDLES = "/api/candles/AAA?size=1m"


async def sign_in(worker, http, **form):
    """Send the form; return status, redirect location and the cookies that are set."""
    async with http.post(f"{worker.url}/login", data=form, allow_redirects=False) as reply:
        cookies = SimpleCookie()
        for header in reply.headers.getall("Set-Cookie", ()):
            cookies.load(header)
        return reply.status, reply.headers.get("Location"), cookies


@pytest.mark.parametrize(
    ("form", "router"),
    [
        ({"word": READ}, 403),
        ({"word": ADMIN}, 200),
        ({"name": "ann", "word": PASSWORD}, 403),
        ({"name": "bob", "word": PASSWORD + "s"}, 200),
    ],
)
async def test_session_cookie_is_http_only_and_has_the_role_of_the_user(
    protected, http, form, router
) -> None:
    """It is sent to no other site and ends after twelve hours."""
    status, place, cookies = await sign_in(protected, http, **form, next="/api/tables?a=b")
    assert (status, place) == (303, "/api/tables?a=b")
    ((name, cookie),) = cookies.items()
    assert name == "tickstream-tickstream"
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie["max-age"] == str(12 * 3600)
    secret = form["word"]
    assert secret not in cookie.value
    headers = {"Cookie": f"{name}={cookie.value}"}
    async with http.get(protected.url + CANDLES, headers=headers) as reply:
        assert reply.status == 200
    async with http.get(f"{protected.url}/router/", headers=headers) as reply:
        assert reply.status == router


async def test_failed_login_shows_an_error_and_sets_no_cookie(protected, http) -> None:
    """The page does not reveal what was wrong."""
    for form in {"word": "nope"}, {"name": "ann", "word": READ}, {"name": "eve", "word": ADMIN}, {}:
        async with http.post(f"{protected.url}/login", data=form) as reply:
            assert (reply.status, reply.content_type) == (401, "text/html")
            assert "Set-Cookie" not in reply.headers
            assert "The token, or the name and password, are wrong" in await reply.text()


@pytest.mark.parametrize("change", ["role", "time", "identity", "seal", "more", "worker"])
async def test_modified_cookie_is_rejected(protected, http, change) -> None:
    """So is the cookie of a worker with another token."""
    _, _, cookies = await sign_in(protected, http, word=READ)
    value = cookies["tickstream-tickstream"].value
    role, until, identity, proof = value.split(".")
    changed = {
        "role": f"admin.{until}.{identity}.{proof}",
        "time": f"{role}.{int(until) + 1}.{identity}.{proof}",
        "identity": f"{role}.{until}.{'a' * len(identity)}.{proof}",
        "seal": f"{role}.{until}.{identity}.{'0' * len(proof)}",
        "more": f"{value}.{proof}",
        "worker": value,
    }[change]
    other = TOKENS | {"TICKSTREAM_WEB_ADMIN_TOKEN": f"{ADMIN}x"}
    async with guarded(**(other if change == "worker" else TOKENS | USERS)) as worker:
        headers = {"Cookie": f"tickstream-tickstream={changed}"}
        async with http.get(worker.url + CANDLES, headers=headers) as reply:
            assert reply.status == 401


def sealed(conf, role: str, until: str) -> dict[str, str]:
    """Return the cookie header of a session, sealed as the worker itself would."""
    parts = until, "i" * 22
    proof = seal(keys_of(conf).session, conf.app_id, role, *parts)
    return {"Cookie": f"tickstream-{conf.app_id}={'.'.join([role, *parts, proof])}"}


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (-LIFETIME, 401), (60, 200)])
async def test_expired_cookie_is_rejected(protected, http, seconds, status) -> None:
    """Though its seal is valid and the browser may still keep it."""
    until = str(int(time.time()) + seconds)
    headers = sealed(protected.app.settings, "read", until)
    async with http.get(protected.url + CANDLES, headers=headers) as reply:
        assert reply.status == status


@pytest.mark.parametrize("until", ["", "x", "-1", "1e99", "٣" * 10, "9" * 20, "9" * 5_000])
async def test_cookie_without_a_valid_time_is_rejected(protected, http, until) -> None:
    """It is no internal error: clients choose what is in it."""
    headers = sealed(protected.app.settings, "read", until)
    async with http.get(protected.url + CANDLES, headers=headers) as reply:
        assert reply.status == 401


async def test_cookie_expires_with_its_sealed_time(protected, http) -> None:
    """The sealed time is the one that the browser gets."""
    before = int(time.time())
    _, _, cookies = await sign_in(protected, http, word=READ)
    until = int(cookies["tickstream-tickstream"].value.split(".")[1])
    assert before + LIFETIME <= until <= int(time.time()) + LIFETIME


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:a", "",
     "/a\r\nSet-Cookie: a=b", "/\t/evil.example", "/é"],
)  # fmt: skip
async def test_login_redirects_to_no_other_site(protected, http, place) -> None:
    """The parameter `next` gets into no header, and as markup into no page."""
    assert (await sign_in(protected, http, word=READ, next=place))[1] == "/"
    markup = {"next": '/"><script>alert(1)</script>'}
    async with http.get(f"{protected.url}/login", params=markup) as reply:
        assert "<script" not in await reply.text()


async def test_pages_redirect_to_the_login_and_programs_get_401(protected, http) -> None:
    """The headers of the request tell them apart."""
    page = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
    for path, place in ("/", "/"), ("/api/tables?x=1&y=2", "/api/tables?x%3D1%26y%3D2"):
        async with http.get(protected.url + path, headers=page, allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (303, f"/login?next={place}")
    script = {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}
    async with http.get(f"{protected.url}/api/tables", headers=script) as reply:
        assert reply.status == 401
        # With `Basic` a browser would put its own window over the page.
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="tickstream"'


async def test_sign_out_clears_the_cookie(protected) -> None:
    """The login page shows the role of a signed-in user, and offers the sign-out."""
    async with ClientSession() as browser:
        browser.cookie_jar._quote_cookie = False
        await browser.post(f"{protected.url}/login", data={"word": READ})
        # aiohttp's client sends no cookies to an IP address by itself.
        _, _, cookies = await sign_in(protected, browser, word=READ)
        headers = {"Cookie": f"tickstream-tickstream={cookies['tickstream-tickstream'].value}"}
        async with browser.get(f"{protected.url}/login", headers=headers) as reply:
            assert "with the role read." in await reply.text()
        logout = f"{protected.url}/logout"
        async with browser.post(logout, headers=headers, allow_redirects=False) as reply:
            assert reply.headers["Location"] == "/login"
            assert 'tickstream-tickstream="";' in reply.headers["Set-Cookie"]


async def test_sign_out_logs_the_workers_that_did_not_confirm_it(protected, http, caplog) -> None:
    """The session goes on there, for the rest of its time."""
    silent = f"http://127.0.0.1:{unused_port()}"
    _, _, cookies = await sign_in(protected, http, word=READ)
    headers = {"Cookie": f"tickstream-tickstream={cookies['tickstream-tickstream'].value}"}
    async with guarded(**TOKENS) as other, guarded(TICKSTREAM_WEB_TOKEN=ADMIN) as stranger:
        owners = (protected.url, other.url, stranger.url, silent)
        protected.knows_owners({url: {"ticks": [n]} for n, url in enumerate(owners)})
        url = f"{protected.url}/logout"
        async with http.post(url, headers=headers, allow_redirects=False) as reply:
            assert reply.status == 303
    logged = [each.getMessage() for each in caplog.records if "accepts a session" in each.msg]
    assert len(logged) == 2
    for worker, message in zip((stranger.url, silent), logged, strict=True):
        assert f"worker {worker} accepts a session that has ended, for 12 h at most: " in message
    assert "403" in logged[0]
    assert os.strerror(errno.ECONNREFUSED).lower() in logged[1]


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_form_of_another_site_is_rejected(protected, http, path) -> None:
    """Nobody is signed in as somebody else, or out, by a page they happen to read."""
    for origin in "https://evil.example", "null", f"http://127.0.0.1:{protected.port + 1}":
        async with http.post(
            protected.url + path,
            data={"word": READ},
            headers={"Origin": origin},
            allow_redirects=False,
        ) as reply:
            assert reply.status == 403
            assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"word": "x"}', "application/json", 415),
        (b"word=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 11), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_malformed_form_is_rejected(protected, http, body, kind, status) -> None:
    """With the right status, as JSON."""
    async with http.post(
        f"{protected.url}/login", data=body, headers={"Content-Type": kind}
    ) as reply:
        assert reply.status == status
        assert (await reply.json())["error"]["message"]


async def test_login_redirects_to_the_dashboard_without_tokens(unprotected, http) -> None:
    """Nobody has to sign in."""
    async with http.get(f"{unprotected.url}/login", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/")


async def test_cookie_is_secure_behind_a_declared_tls_proxy(http) -> None:
    """`X-Forwarded-Proto` is trusted from declared proxies alone."""
    headers = {"X-Forwarded-Proto": "https"}
    for proxies, secure in ("127.0.0.1", True), ("10.0.0.1", False):
        async with (
            guarded(**TOKENS, TICKSTREAM_WEB_PROXIES=proxies) as worker,
            http.post(
                f"{worker.url}/login", data={"word": READ}, headers=headers, allow_redirects=False
            ) as reply,
        ):
            assert ("Secure" in reply.headers["Set-Cookie"]) is secure
