"""Passwords, stored and compared as Argon2id hashes (RFC 9106) in their usual text form.

>>> kept = hash_password("horse-battery")
>>> kept.startswith("$argon2id$v=19$"), is_right("horse-battery", kept), is_right("horse", kept)
(True, True, False)
"""

import re
import secrets

from eventfold.extras import demand

#: 19 MiB and two iterations (OWASP, Password Storage Cheat Sheet): a tenth of a second or less.
_TURNS, _LANES, _MEMORY = 2, 1, 19 * 1024

#: Text form: algorithm, version, costs, salt, hash. Costs below 1 million KiB and 100 iterations.
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[1-9]\d{0,5},t=[1-9]\d?,p=[1-9]\d?\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


def hash_password(password: str) -> str:
    """Return the salted hash of a password. Raises MissingExtraError."""
    demand("cryptography", "passwords", "hash of a password")
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415  # an extra

    salt = secrets.token_bytes(16)
    kdf = Argon2id(salt=salt, length=32, iterations=_TURNS, lanes=_LANES, memory_cost=_MEMORY)
    return kdf.derive_phc_encoded(password.encode())


def is_hash(text: str) -> bool:
    """Return whether a text has the form of a hash from `hash_password`."""
    return _HASH.fullmatch(text) is not None


def is_right(password: str, hashed: str) -> bool:
    """Return whether a password has this hash."""
    from cryptography.exceptions import InvalidKey  # noqa: PLC0415  # an extra
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415

    try:
        Argon2id.verify_phc_encoded(password.encode(errors="surrogateescape"), hashed)
    except InvalidKey:
        return False
    return True
