"""Passwords, kept and compared as Argon2id hashes (RFC 9106) in their usual text form.

>>> kept = hash_password("horse-battery")
>>> kept.startswith("$argon2id$v=19$"), is_right("horse-battery", kept), is_right("horse", kept)
(True, True, False)
"""

import re
import secrets

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

#: 19 MiB twice over, as OWASP's Password Storage Cheat Sheet has it: a tenth of a second or less.
_TURNS, _LANES, _MEMORY = 2, 1, 19 * 1024

#: The text form: algorithm, version, costs, salt, hash. Costs up to a gibibyte, a hundred times.
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[1-9]\d{0,6},t=[1-9]\d?,p=[1-9]\d?\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


def hash_password(password: str) -> str:
    """Return the hash of a password, with a salt of its own."""
    salt = secrets.token_bytes(16)
    kdf = Argon2id(salt=salt, length=32, iterations=_TURNS, lanes=_LANES, memory_cost=_MEMORY)
    return kdf.derive_phc_encoded(password.encode())


def is_hash(text: str) -> bool:
    """Return whether a text is a hash as `hash_password` makes it."""
    return _HASH.fullmatch(text) is not None


def is_right(password: str, hashed: str) -> bool:
    """Return whether a password has this hash."""
    try:
        Argon2id.verify_phc_encoded(password.encode(errors="surrogateescape"), hashed)
    except InvalidKey:
        return False
    return True
