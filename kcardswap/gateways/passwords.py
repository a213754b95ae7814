"""Password hashing with argon2id at the library's defaults (RFC 9106, low-memory profile)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


class Passwords:
    """Hashes passwords and checks them in the same time whether or not an account has one."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()

    def hash(self, password: str) -> str:
        """Return the argon2id hash of ``password`` with a fresh salt."""
        return self._hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether ``password`` belongs to the hash; None never matches, and takes just as long."""
        # Asked for in either case, so that the first answer of a process tells nothing either.
        decoy = _decoy()
        try:
            return self._hasher.verify(password_hash or decoy, password) and password_hash is not None
        except (Argon2Error, InvalidHashError):
            return False


@cache
def _decoy() -> str:
    """Return what is checked against where there is no account, so that the answer takes just as long."""
    return PasswordHasher().hash("nobody has this password")
