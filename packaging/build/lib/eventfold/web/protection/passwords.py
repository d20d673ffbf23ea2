"""Password check by slow hashes, with a cache of right passwords.

A hash takes a tenth of a second on purpose, and a program may send a password with each request.
"""

import hmac
import secrets
from functools import cached_property

from eventfold.security.passwords import hash_password, is_hash, is_right
from eventfold.security.web import Role, User


class Passwords:
    """Users and the hashes of their passwords."""

    def __init__(self, users: tuple[User, ...]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        #: Keyed digest of a name and its right password → role; the key is this process's own.
        self._right: dict[bytes, Role] = {}

    def recall(self, name: str, password: str) -> Role | None:
        """Return the role for a name and password that were right before, else None."""
        return self._right.get(self._digest(name, password))

    def check(self, name: str, password: str) -> Role | None:
        """Return the role of a user with this password, else None; takes a tenth of a second."""
        # An unknown name takes as long, so that the time does not show which of the two was wrong.
        hashes = self._hashes.get(name) or {self._nobody: None}
        for hashed, role in hashes.items():
            if is_right(password, hashed) and role:
                self._right[self._digest(name, password)] = role
                return role
        return None

    @cached_property
    def _hashes(self) -> dict[str, dict[str, Role | None]]:
        found: dict[str, dict[str, Role | None]] = {}
        for user in self._users:
            kept = user.password if is_hash(user.password) else hash_password(user.password)
            found.setdefault(user.name, {})[kept] = user.role
        return found

    @cached_property
    def _nobody(self) -> str:
        return hash_password(secrets.token_hex(16))

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{len(name)}:{name}{password}".encode(errors="surrogateescape")
        return hmac.digest(self._key, text, "sha256")
