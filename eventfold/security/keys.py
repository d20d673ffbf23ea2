"""Keys of the web server: what seals the sessions of browsers, and questions between workers.

A reader sees texts that are sealed, and may try keys against them at home, as fast as a machine
allows. So no key is made of what people choose as passwords: it is a random one of this worker,
or made of a secret that only workers or admins know, at a price for each guess.
"""

import hashlib
import hmac
import os
import secrets
from functools import cache
from pathlib import Path
from typing import NamedTuple

from app.settings import Settings, SettingsError
from eventfold.private_files import private
from eventfold.security.secret import revealed

#: A worker's own key, in its data directory.
FILE = "web.key"

#: Bytes of a key.
SIZE = 32

#: scrypt (RFC 7914): 32 MB and a tenth of a second for each guess.
_COST, _BLOCK, _MEMORY = 1 << 15, 8, 64 << 20


class Keys(NamedTuple):
    """One for each purpose: what one has sealed is nothing to the other."""

    session: bytes
    cluster: bytes


def keys_of(conf: Settings) -> Keys:
    """Return the keys of a worker with these settings.

    Those of workers with the same TICKSTREAM_WEB_CLUSTER_TOKEN, or else with the same
    TICKSTREAM_WEB_ADMIN_TOKEN, are the same; with neither, each worker has its own. Sessions end
    with any change of tokens and users. Raises SettingsError where the file can't be used.
    """
    secret = revealed(conf.web_cluster_token) or revealed(conf.web_admin_token)
    root = _stretched(secret, conf.app_id) if secret else _own(conf.data_directory / FILE)
    credentials = (conf.web_token, conf.web_admin_token, conf.web_users, conf.web_cluster_token)
    return Keys(_made(root, "session", *map(revealed, credentials)), _made(root, "cluster"))


def is_shared(conf: Settings) -> bool:
    """Return whether other workers of the same settings have the same keys."""
    return bool(conf.web_cluster_token or conf.web_admin_token)


@cache
def _stretched(secret: str, application: str) -> bytes:
    salt = f"tickstream {application}".encode()
    return hashlib.scrypt(
        secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=SIZE
    )


@cache
def _own(file: Path) -> bytes:
    """Return the key in a file, made once; the worker that asks has locked its directory."""
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
    # Nobody else may read it, from its first byte on.
    with open(part, "xb", opener=private) as made:  # with an opener
        made.write(secrets.token_bytes(SIZE))
        made.flush()
        os.fsync(made.fileno())
    part.replace(file)


def _made(root: bytes, *parts: str) -> bytes:
    return hmac.digest(root, "\n".join(("tickstream", *parts)).encode(), "sha256")
