"""Sealing what is kept for others: provider tokens are stored so that the database alone cannot use them."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class SealBroken(Exception):
    """What should be opened was sealed with another key, or changed."""


class Sealer:
    """Encrypts and authenticates short texts with one key (AES-128-CBC and HMAC-SHA-256, as Fernet)."""

    def __init__(self, key: str) -> None:
        """Derive the keys from ``key``, which is random and at least 32 bytes long."""
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

    def seal(self, text: str) -> str:
        """Return ``text`` unreadable; twice the same text looks different."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the text ``seal`` was given.

        :raises SealBroken: it was sealed with another key, or changed.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealBroken from error
