"""Security settings of the web server: authentication, rate limits, allowed hosts and origins."""

import base64
import ipaddress
import re
import socket
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer, SecretStr
from pydantic_settings import NoDecode

from eventfold.security.passwords import is_hash
from eventfold.security.secret import revealed, secret

#: Role of a client; `admin` may also see Faust's own pages of tables and workers.
Role = Literal["read", "admin"]

#: Least number of characters; shorter ones can be guessed.
SHORTEST_TOKEN = 16
SHORTEST_PASSWORD = 8

#: Form of a token in an `Authorization` header (RFC 6750), which has no comma.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_ROLES = {"read", "admin"}
#: Separator of users: commas or blanks before NAME:ROLE:, since hashes contain commas, too.
_BETWEEN = re.compile(r"[,\s]+(?=[^,:\s]+:(?:read|admin):)")
_ORIGIN = re.compile(r"\*|https?://[^/\s,*]+")


class User(NamedTuple):
    """User with a role and a password, which is plain text or a hash."""

    name: str
    role: Role
    password: str


def _tokens(value: SecretStr) -> SecretStr:
    for token in split(revealed(value)):
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(
                f"a token has {SHORTEST_TOKEN} characters or more: `openssl rand -hex 32` makes one"
            )
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token is made of letters, digits and any of ._~+/- alone")
    return value


def _users(value: SecretStr) -> SecretStr:
    for entry in _entries(revealed(value)):
        name, role, password = (*entry.split(":", 2), "", "")[:3]
        hashed = password.startswith("$argon2")
        if hashed and not is_hash(password):
            raise ValueError("a hash is what the command `password` prints: $argon2id$v=19$m=...")
        if not name or role not in _ROLES or (not hashed and len(split(password)) > 1):
            raise ValueError("a user is written as NAME:read:PASSWORD or NAME:admin:PASSWORD")
        if len(password) < SHORTEST_PASSWORD:
            raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
    return value


def _names(text: object) -> object:
    return split(text) if isinstance(text, str) else text


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        ipaddress.ip_network(name)
    return names


def _origins(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _ORIGIN.fullmatch(name):
            raise ValueError(f"{name!r} is neither * nor an origin such as https://example.com")
    return names


def _entries(text: str) -> list[str]:
    plain = text.strip(", \n\t\r")
    return _BETWEEN.split(plain) if plain else []


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a text between commas or blanks.

    >>> split("a, b c"), split(" ,")
    (('a', 'b', 'c'), ())
    """
    return tuple(re.split(r"[,\s]+", text.strip(", \n\t\r"))) if text.strip(", \n\t\r") else ()


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    PlainSerializer(",".join, when_used="json"),
    NoDecode,
]
Tokens = Annotated[SecretStr, AfterValidator(_tokens)]


class WebSecurity(BaseModel):
    """Settings of authentication and limits of this worker's web server: a part of `Settings`."""

    web_token: Tokens | None = secret(
        "Token of those who may read; several, by commas, while one changes"
    )
    web_admin_token: Tokens | None = secret(
        "Token of those who may also ask /table/, /router/ and the like",
    )
    web_users: Annotated[SecretStr, AfterValidator(_users)] | None = secret(
        "People with passwords: NAME:read:PASSWORD,NAME:admin:PASSWORD; or with hashes of them, "
        "which the command `password` makes",
    )
    web_cluster_token: Annotated[SecretStr, AfterValidator(_tokens)] | None = secret(
        "Of what all workers' keys are made; of the admin token if not set; with neither, each "
        "worker has a key of its own",
    )
    web_open: bool = Field(
        default=False,
        description="Whether anybody who reaches WEB_BIND may ask, without a token",
    )
    web_rate: float = Field(
        1000.0,
        ge=0,
        le=1e6,
        description="Requests a second that each client may send for long; 0 is any number",
    )
    web_connections: int = Field(
        2000,
        ge=10,
        description="Connections that may be open at once, half of them by one client",
    )
    web_proxies: Annotated[Names, AfterValidator(_networks)] = Field(
        (),
        description="Addresses or networks of proxies whose X-Forwarded-For is true",
    )
    web_hosts: Names = Field(
        (),
        description="Names under which a worker without tokens may be asked, besides its own; or *",
    )
    web_origins: Annotated[Names, AfterValidator(_origins)] = Field(
        (),
        description="Web sites whose pages may ask (CORS): https://example.com, or *",
    )

    @property
    def tokens(self) -> dict[str, Role]:
        """The role of each token."""
        roles: dict[str, Role] = {}
        roles |= dict.fromkeys(split(revealed(self.web_token)), "read")
        roles |= dict.fromkeys(split(revealed(self.web_admin_token)), "admin")
        return roles

    @property
    def users(self) -> tuple[User, ...]:
        """The users that have a password."""
        return tuple(_user(entry) for entry in _entries(revealed(self.web_users)))

    @property
    def web_protected(self) -> bool:
        """Whether clients have to authenticate."""
        return bool(self.tokens or self.users)

    @property
    def web_credentials(self) -> dict[str, str]:
        """Header by which a command authenticates to a worker; an admin's goes first."""
        tokens = sorted(self.tokens.items(), key=lambda each: each[1] != "admin")
        if tokens:
            return {"Authorization": f"Bearer {tokens[0][0]}"}
        plain = (user for user in self.users if not is_hash(user.password))
        users = sorted(plain, key=lambda user: user.role != "admin")
        if not users:
            return {}
        text = f"{users[0].name}:{users[0].password}"
        return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def _user(entry: str) -> User:
    name, role, password = entry.split(":", 2)
    return User(name, "admin" if role == "admin" else "read", password)


def is_loopback(host: str) -> bool:
    """Return whether a server on `host` can be reached from this machine alone."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(each)).is_loopback for each in found)
