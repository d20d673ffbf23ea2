"""The page that asks people who they are, and the cookie by which their browser is remembered."""

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
    """Send the form; return status, where it leads, and the cookie that is set."""
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
async def test_a_browser_is_remembered_by_a_cookie_no_script_can_read(
    protected, http, form, router
) -> None:
    """It is sent to no other site, ends after twelve hours, and has the role of who signed in."""
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


async def test_what_is_not_known_is_said_on_the_page(protected, http) -> None:
    """Without a cookie, and without a word on what was wrong."""
    for form in {"word": "nope"}, {"name": "ann", "word": READ}, {"name": "eve", "word": ADMIN}, {}:
        async with http.post(f"{protected.url}/login", data=form) as reply:
            assert (reply.status, reply.content_type) == (401, "text/html")
            assert "Set-Cookie" not in reply.headers
            assert "That is not known here" in await reply.text()


@pytest.mark.parametrize("change", ["role", "time", "identity", "seal", "more", "worker"])
async def test_a_cookie_that_was_changed_is_worth_nothing(protected, http, change) -> None:
    """Nor is that of a worker with another token."""
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
    """Return the header of a browser that is remembered, as the worker itself would seal it."""
    parts = until, "i" * 22
    proof = seal(keys_of(conf).session, conf.app_id, role, *parts)
    return {"Cookie": f"tickstream-{conf.app_id}={'.'.join([role, *parts, proof])}"}


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (-LIFETIME, 401), (60, 200)])
async def test_a_cookie_past_its_time_is_worth_nothing(protected, http, seconds, status) -> None:
    """Whatever the browser keeps, and though nobody has changed it."""
    until = str(int(time.time()) + seconds)
    headers = sealed(protected.app.settings, "read", until)
    async with http.get(protected.url + CANDLES, headers=headers) as reply:
        assert reply.status == status


@pytest.mark.parametrize("until", ["", "x", "-1", "1e99", "٣" * 10, "9" * 20, "9" * 5_000])
async def test_a_cookie_without_a_time_is_worth_nothing(protected, http, until) -> None:
    """And no accident: what stands there is somebody else's choice."""
    headers = sealed(protected.app.settings, "read", until)
    async with http.get(protected.url + CANDLES, headers=headers) as reply:
        assert reply.status == 401


async def test_a_cookie_ends_with_its_seal(protected, http) -> None:
    """The time that is sealed is the one that the browser is told."""
    before = int(time.time())
    _, _, cookies = await sign_in(protected, http, word=READ)
    until = int(cookies["tickstream-tickstream"].value.split(".")[1])
    assert before + LIFETIME <= until <= int(time.time()) + LIFETIME


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:a", "",
     "/a\r\nSet-Cookie: a=b", "/\t/evil.example", "/é"],
)  # fmt: skip
async def test_it_leads_to_no_other_site(protected, http, place) -> None:
    """Nor does what it is given get into a header, or as markup into the page."""
    assert (await sign_in(protected, http, word=READ, next=place))[1] == "/"
    markup = {"next": '/"><script>alert(1)</script>'}
    async with http.get(f"{protected.url}/login", params=markup) as reply:
        assert "<script" not in await reply.text()


async def test_a_page_leads_to_it_and_back_a_program_hears_401(protected, http) -> None:
    """By what the request says it is."""
    page = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
    for path, place in ("/", "/"), ("/api/tables?x=1&y=2", "/api/tables?x%3D1%26y%3D2"):
        async with http.get(protected.url + path, headers=page, allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (303, f"/login?next={place}")
    script = {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}
    async with http.get(f"{protected.url}/api/tables", headers=script) as reply:
        assert reply.status == 401
        # With `Basic` a browser would put its own window over the page.
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="tickstream"'


async def test_signing_out_lets_the_browser_forget(protected) -> None:
    """Where somebody is signed in, the page says so, and offers it."""
    async with ClientSession() as browser:
        browser.cookie_jar._quote_cookie = False
        await browser.post(f"{protected.url}/login", data={"word": READ})
        # Its own cookies of an address are none of aiohttp's business.
        _, _, cookies = await sign_in(protected, browser, word=READ)
        headers = {"Cookie": f"tickstream-tickstream={cookies['tickstream-tickstream'].value}"}
        async with browser.get(f"{protected.url}/login", headers=headers) as reply:
            assert "may: read." in await reply.text()
        logout = f"{protected.url}/logout"
        async with browser.post(logout, headers=headers, allow_redirects=False) as reply:
            assert reply.headers["Location"] == "/login"
            assert 'tickstream-tickstream="";' in reply.headers["Set-Cookie"]


async def test_who_signs_out_where_a_worker_is_silent_is_known_from_the_log(
    protected, http, caplog
) -> None:
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
    logged = [each.getMessage() for each in caplog.records if "was ended here" in each.msg]
    assert len(logged) == 2
    for worker, message in zip((stranger.url, silent), logged, strict=True):
        assert f"goes on at worker {worker}, for 12 h at most: " in message
    assert "403" in logged[0]
    assert os.strerror(errno.ECONNREFUSED).lower() in logged[1]


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_form_of_another_site_is_refused(protected, http, path) -> None:
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
async def test_a_form_that_is_none_is_refused(protected, http, body, kind, status) -> None:
    """With the right status, as JSON."""
    async with http.post(
        f"{protected.url}/login", data=body, headers={"Content-Type": kind}
    ) as reply:
        assert reply.status == status
        assert (await reply.json())["error"]["message"]


async def test_where_nothing_is_protected_nobody_is_asked(unprotected, http) -> None:
    """The page leads to the dashboard."""
    async with http.get(f"{unprotected.url}/login", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/")


async def test_behind_an_encrypting_proxy_the_cookie_stays_on_encrypted_ways(http) -> None:
    """As the proxy says, if it is one of ours."""
    headers = {"X-Forwarded-Proto": "https"}
    for proxies, secure in ("127.0.0.1", True), ("10.0.0.1", False):
        async with (
            guarded(**TOKENS, TICKSTREAM_WEB_PROXIES=proxies) as worker,
            http.post(
                f"{worker.url}/login", data={"word": READ}, headers=headers, allow_redirects=False
            ) as reply,
        ):
            assert ("Secure" in reply.headers["Set-Cookie"]) is secure
