"""Keys of the web server, which seal sessions of browsers and requests between workers.

A reader sees sealed texts and may try keys against them offline, as fast as a machine allows. So
no key is derived from passwords that people choose: it is a random key of this worker, or derived
from a secret that only workers or admins know, at a cost for each guess.
"""

import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path
from typing import NamedTuple

from eventfold.private_files import private
from eventfold.security.secret import revealed
from eventfold.settings import Settings, SettingsError

#: File of a worker's own key, in its data directory.
FILE = "web.key"

#: Bytes of a key.
SIZE = 32

#: scrypt (RFC 7914): 32 MB and a tenth of a second for each guess.
_COST, _BLOCK, _MEMORY = 1 << 15, 8, 64 << 20


class Keys(NamedTuple):
    """Keys by purpose: what one has sealed, the other can't open."""

    session: bytes
    cluster: bytes


def keys_of(conf: Settings) -> Keys:
    """Return the keys of a worker with these settings.

    Workers with the same EVENTFOLD_WEB_CLUSTER_TOKEN, or else with the same
    EVENTFOLD_WEB_ADMIN_TOKEN, and the same application id share a cluster key; with neither, each
    worker has its own. Session keys also depend on all tokens and users: a change of any ends the
    sessions. Raises SettingsError if the key file can't be used.
    """
    secret = revealed(conf.web_cluster_token) or revealed(conf.web_admin_token)
    root = _stretched(secret, conf.app_id) if secret else _own(conf.data_directory / FILE)
    credentials = (conf.web_token, conf.web_admin_token, conf.web_users, conf.web_cluster_token)
    return Keys(_made(root, "session", *map(revealed, credentials)), _made(root, "cluster"))


def is_shared(conf: Settings) -> bool:
    """Return whether workers with the same settings have the same keys."""
    return bool(conf.web_cluster_token or conf.web_admin_token)


@cache
def _stretched(secret: str, application: str) -> bytes:
    salt = f"tickstream {application}".encode()
    return hashlib.scrypt(
        secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=SIZE
    )


@cache
def _own(file: Path) -> bytes:
    """Return the key in a file of a locked directory, created if missing. Raises SettingsError."""
    try:
        if not file.exists():
            _make(file)
        key = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} can't be used: {error.strerror or error}") from error
    if len(key) != SIZE:
        raise SettingsError(f"{file} holds no key of {SIZE} bytes: remove it, and it is made anew")
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    # Private from its first byte on.
    with open(part, "xb", opener=private) as made:  # `Path.open` has no opener
        made.write(secrets.token_bytes(SIZE))
        made.flush()
        os.fsync(made.fileno())
    part.replace(file)


def _made(root: bytes, *parts: str) -> bytes:
    return hmac.digest(root, "\n".join(("tickstream", *parts)).encode(), "sha256")
