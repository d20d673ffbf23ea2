"""Tokens of Kafka clients for SASL OAUTHBEARER: from a file, or from a token endpoint."""

import base64
import time
from typing import Any
from urllib.parse import quote_plus as quote

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

from eventfold.answers import describe_failure, read_answer
from eventfold.decoding import decode_json
from eventfold.security.secret import revealed
from eventfold.security.urls import SecretUrl
from eventfold.settings import Settings

#: Time-out of a request for a token (10 s).
_TIMEOUT = ClientTimeout(total=10)

#: Fraction of a token's lifetime after which a new one is requested.
_FRESH = 0.8

#: Lifetime (s) of a token whose response has no `expires_in`.
_LIFETIME = 60.0


class TokenError(AuthenticationFailedError):
    """Error of a missing token; the message is one line, without any secret."""


class _Granted(msgspec.Struct):
    """Response of a token endpoint (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = _LIFETIME


class FileTokens(AbstractTokenProvider):
    """Token from a file that another process keeps fresh; read again for each connection."""

    def __init__(self, conf: Settings) -> None:
        self._path = conf.kafka_oauth_token_file
        self._variable = conf.variable("kafka_oauth_token_file")

    async def token(self) -> str:
        """Return the token. Raises TokenError if the file has none or can't be read."""
        try:
            token = "" if self._path is None else self._path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not ASCII"
            raise TokenError(self._what(reason)) from None
        if not token:
            raise TokenError(self._what("is empty"))
        return token

    def _what(self, reason: str) -> str:
        return f"{self._variable}={self._path}: {reason}"


class GrantedTokens(AbstractTokenProvider):
    """Tokens that an endpoint issues for the client's id and secret (RFC 6749, 4.4)."""

    def __init__(self, conf: Settings) -> None:
        self._url = conf.kafka_oauth_token_url or SecretUrl("")
        self._variable = conf.variable("kafka_oauth_token_url")
        client, secret = conf.kafka_oauth_client_id or "", revealed(conf.kafka_oauth_client_secret)
        who = f"{quote(client)}:{quote(secret)}"
        self._headers = {"Authorization": f"Basic {base64.b64encode(who.encode()).decode()}"}
        self._form = {"grant_type": "client_credentials"}
        if conf.kafka_oauth_scope:
            self._form["scope"] = conf.kafka_oauth_scope
        self._token, self._until = "", 0.0

    async def token(self) -> str:
        """Return the cached token while it is fresh, else a new one. Raises TokenError."""
        if time.monotonic() >= self._until:
            asked = time.monotonic()
            granted = await self._ask()
            self._token = granted.access_token
            self._until = asked + _FRESH * granted.expires_in
        return self._token

    async def _ask(self) -> _Granted:
        # Clients call from several event loops, so no session is kept.
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
        return f"{self._variable}={self._url}: {reason}"


def token_provider(conf: Settings) -> Any:
    """Return the token provider of the settings; a token file takes precedence."""
    return FileTokens(conf) if conf.kafka_oauth_token_file else GrantedTokens(conf)
