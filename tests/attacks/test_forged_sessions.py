"""Forged and stolen session cookies: no reader becomes an admin or stays signed in."""

import hashlib
import hmac
import time
from http.cookies import SimpleCookie

import pytest
from aiohttp import ClientSession, encode_basic_auth
from guarded_workers import ADMIN, READ, TOKENS, GuardedWorker, bearer, guarded

from app.settings import Settings
from eventfold.security.keys import keys_of
from eventfold.security.passwords import hash_password
from eventfold.web.protection.seals import seal
from eventfold.web.protection.sessions import EndedSessions

CANDLES = "/api/candles/AAA?size=1m"
COOKIE = "tickstream-tickstream"
#: A word of a dictionary, as people choose passwords.
WEAK = "sunshine"
PEOPLE = {"TICKSTREAM_WEB_USERS": f"ann:read:horse-battery,bob:admin:{WEAK}"}


async def sign_in(worker: GuardedWorker, http: ClientSession, **form: str) -> str:
    """Sign in and return the cookie."""
    url = f"{worker.url}/login"
    async with http.post(url, data=form, allow_redirects=False) as reply:
        assert reply.status == 303
        return SimpleCookie(reply.headers["Set-Cookie"])[COOKIE].value


async def status(worker: GuardedWorker, http: ClientSession, path: str, cookie: str) -> int:
    """Return the status of the answer to a browser with this cookie."""
    async with http.get(worker.url + path, headers={"Cookie": f"{COOKIE}={cookie}"}) as reply:
        return reply.status


def guessed_keys(conf: Settings, people: str) -> list[bytes]:
    """Return keys that could be derived from the settings cheaply for each guess."""
    texts = [f"\n\n{people}\n", people, WEAK]
    return [
        key
        for text in texts
        for key in (
            text.encode(),
            hashlib.sha256(text.encode()).digest(),
            *(hmac.digest(text.encode(), b"tickstream " + use, "sha256") for use in (b"session",)),
            hmac.digest(text.encode(), f"tickstream {conf.app_id}".encode(), "sha256"),
        )
    ]


async def test_cookie_key_cannot_be_derived_from_guessed_passwords(http: ClientSession) -> None:
    """The reader knows their own password and the form of the setting, and guesses the admin's."""
    async with guarded(**PEOPLE) as worker:
        own = await sign_in(worker, http, name="ann", word="horse-battery")
        _, *parts, proof = own.split(".")
        conf = worker.app.settings
        assert await status(worker, http, CANDLES, own) == 200
        for key in guessed_keys(conf, PEOPLE["TICKSTREAM_WEB_USERS"]):
            assert seal(key, conf.app_id, "read", *parts) != proof
            forged = ".".join(["admin", *parts, seal(key, conf.app_id, "admin", *parts)])
            assert await status(worker, http, "/router/", forged) == 401
        assert await status(worker, http, CANDLES, own) == 200


async def test_random_session_key_is_stored_and_survives_a_restart(
    http: ClientSession, tmp_path
) -> None:
    """Its file is readable by this user only; another worker has another key."""
    async with guarded(**PEOPLE, APP_DATADIR=str(tmp_path / "a")) as worker:
        own = await sign_in(worker, http, name="ann", word="horse-battery")
    file = tmp_path / "a" / "web.key"
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, 32)
    for directory, answer in ("a", 200), ("b", 401):
        async with guarded(**PEOPLE, APP_DATADIR=str(tmp_path / directory)) as worker:
            assert await status(worker, http, CANDLES, own) == answer
            headers = _basic("ann", "horse-battery")
            async with http.get(worker.url + CANDLES, headers=headers) as reply:
                assert reply.status == 200


async def test_cookie_with_a_too_distant_expiry_is_rejected(
    http: ClientSession,
) -> None:
    """A stolen session key seals cookies for twelve hours, not for ten years."""
    async with guarded(**TOKENS) as worker:
        conf = worker.app.settings
        for hours, answer in (11, 200), (13, 401), (10 * 365 * 24, 401):
            parts = str(int(time.time()) + hours * 3600), "i" * 22
            proof = seal(keys_of(conf).session, conf.app_id, "admin", *parts)
            cookie = ".".join(["admin", *parts, proof])
            assert await status(worker, http, "/router/", cookie) == answer


async def test_signing_out_invalidates_a_stolen_cookie_on_all_workers(
    http: ClientSession, tmp_path
) -> None:
    """Also after a restart of the worker; other sessions stay valid."""
    tokens = TOKENS | {"APP_DATADIR": str(tmp_path)}
    async with guarded(**TOKENS) as other:
        async with guarded(**tokens) as worker:
            worker.knows_owners({each.url: {"ticks": []} for each in (worker, other)})
            stolen, mine = [await sign_in(worker, http, word=ADMIN) for _ in range(2)]
            for each in worker, other:
                assert await status(each, http, "/router/", stolen) == 200
            async with http.post(
                f"{worker.url}/logout",
                headers={"Cookie": f"{COOKIE}={stolen}"},
                allow_redirects=False,
            ) as reply:
                assert reply.status == 303
            for each in worker, other:
                assert await status(each, http, "/router/", stolen) == 401
                assert await status(each, http, "/router/", mine) == 200
        async with guarded(**tokens) as worker:
            assert await status(worker, http, "/router/", stolen) == 401
            assert await status(worker, http, "/router/", mine) == 200


@pytest.mark.parametrize("role", ["anonymous", "reader", "admin"])
async def test_only_workers_and_admins_may_end_a_session_by_its_id(
    http: ClientSession, role: str
) -> None:
    """A reader ends no session but their own."""
    headers = {"anonymous": {}, "reader": bearer(READ), "admin": bearer(ADMIN)}[role]
    async with guarded(**TOKENS) as worker:
        cookie = await sign_in(worker, http, word=ADMIN)
        _, until, identity, _ = cookie.split(".")
        url = f"{worker.url}/logout/{until}/{identity}"
        async with http.get(url, headers=headers) as reply:
            assert reply.status == {"anonymous": 401, "reader": 403, "admin": 200}[role]
        assert await status(worker, http, "/router/", cookie) == (401 if role == "admin" else 200)


def test_number_of_remembered_ended_sessions_is_bounded(tmp_path) -> None:
    """All sessions that expire before a dropped one count as ended, also after a restart."""
    now = int(time.time())
    ended = EndedSessions(tmp_path / "ended", most=10)
    for number in range(100):
        ended.add(now + 100 + number, f"identity-{number}")
    assert len(ended._known) == 10
    for known in ended, EndedSessions(tmp_path / "ended", most=10):
        assert all(
            known.has(_Session(now + 100 + number, f"identity-{number}")) for number in range(100)
        )
        assert not known.has(_Session(now + 300, "another"))
    assert (tmp_path / "ended").stat().st_mode & 0o777 == 0o600


async def test_repeated_sign_ins_are_rate_limited(http: ClientSession) -> None:
    """Others sign in meanwhile. Unlimited, the ended sessions would fill the memory."""
    async with guarded(**TOKENS, TICKSTREAM_WEB_PROXIES="127.0.0.1") as worker:

        async def answer(client: str) -> int:
            headers = {"X-Forwarded-For": client}
            async with http.post(
                f"{worker.url}/login", data={"word": READ}, headers=headers, allow_redirects=False
            ) as reply:
                return reply.status

        answers = [await answer("192.0.2.1") for _ in range(80)]
        assert answers[:60] == [303] * 60
        assert answers[-1] == 429
        assert await answer("192.0.2.2") == 303


async def test_user_with_a_hashed_password_signs_in_only_with_the_password(
    http: ClientSession,
) -> None:
    """The hash itself is no password; one setting may hold several users."""
    hashed = hash_password("horse-battery")
    people = f"ann:read:{hashed}, bob:admin:plain-as-it-is,eve:read:{hash_password('other-word')}"
    async with guarded(TICKSTREAM_WEB_USERS=people) as worker:
        for name, word, answer in (
            ("ann", "horse-battery", 200),
            ("ann", hashed, 401),
            ("ann", "other-word", 401),
            ("bob", "plain-as-it-is", 200),
            ("eve", "other-word", 200),
            ("nobody", "horse-battery", 401),
        ):
            for _ in range(2):
                async with http.get(worker.url + CANDLES, headers=_basic(name, word)) as reply:
                    assert reply.status == answer


def _basic(name: str, word: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(name, word)}


class _Session:
    def __init__(self, until: int, identity: str) -> None:
        self.until, self.identity = until, identity
