"""Tokens that Kafka clients show to brokers (SASL OAUTHBEARER): from a file, or for a secret."""

import base64
import time
from typing import Any
from urllib.parse import quote_plus as quote

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

from app.settings import Settings
from eventfold.answers import describe_failure, read_answer
from eventfold.decoding import decode_json
from eventfold.security.secret import revealed
from eventfold.security.urls import SecretUrl

#: Seconds that a token may take to come.
_TIMEOUT = ClientTimeout(total=10)

#: A token is asked for anew after this part of its life.
_FRESH = 0.8

#: Seconds that a token is taken to live where nothing is said of it.
_LIFETIME = 60.0


class TokenError(AuthenticationFailedError):
    """There is no token; the message is one line, without any secret."""


class _Granted(msgspec.Struct):
    """What a token endpoint answers (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = _LIFETIME


class FileTokens(AbstractTokenProvider):
    """The token in a file that somebody else keeps fresh; read anew for each connection."""

    def __init__(self, conf: Settings) -> None:
        self._path = conf.kafka_token_file

    async def token(self) -> str:
        """Give it. Raises TokenError."""
        try:
            token = "" if self._path is None else self._path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not ASCII"
            raise TokenError(self._what(reason)) from None
        if not token:
            raise TokenError(self._what("is empty"))
        return token

    def _what(self, reason: str) -> str:
        return f"TICKSTREAM_KAFKA_OAUTH_TOKEN_FILE={self._path}: {reason}"


class GrantedTokens(AbstractTokenProvider):
    """Tokens that an endpoint gives for the client's id and secret (RFC 6749, 4.4)."""

    def __init__(self, conf: Settings) -> None:
        self._url = conf.kafka_token_url or SecretUrl("")
        who = f"{quote(conf.kafka_client_id or '')}:{quote(revealed(conf.kafka_client_secret))}"
        self._headers = {"Authorization": f"Basic {base64.b64encode(who.encode()).decode()}"}
        self._form = {"grant_type": "client_credentials"}
        if conf.kafka_scope:
            self._form["scope"] = conf.kafka_scope
        self._token, self._until = "", 0.0

    async def token(self) -> str:
        """Give the last token as long as it is fresh, then another one. Raises TokenError."""
        if time.monotonic() >= self._until:
            asked = time.monotonic()
            granted = await self._ask()
            self._token = granted.access_token
            self._until = asked + _FRESH * granted.expires_in
        return self._token

    async def _ask(self) -> _Granted:
        # Clients ask from several event loops, so no session is kept.
        try:
            async with (
                ClientSession(timeout=_TIMEOUT, headers=self._headers) as http,
                http.post(self._url.full, data=self._form, allow_redirects=False) as reply,
            ):
                status, body = reply.status, await read_answer(reply)
        except (ClientError, TimeoutError, OSError) as error:
            raise TokenError(self._what(describe_failure(error))) from None
        if status != 200:
            raise TokenError(self._what(f"it answers {status}, no token"))
        try:
            return decode_json(body, _Granted)
        except msgspec.MsgspecError:
            raise TokenError(self._what("it answers something else than a token")) from None

    def _what(self, reason: str) -> str:
        return f"TICKSTREAM_KAFKA_OAUTH_TOKEN_URL={self._url}: {reason}"


def token_provider(conf: Settings) -> Any:
    """Give where tokens come from; the file goes first."""
    return FileTokens(conf) if conf.kafka_token_file else GrantedTokens(conf)
