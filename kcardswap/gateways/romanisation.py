"""Writing names of any script in Latin letters."""

from anyascii import anyascii


def romanised(text: str) -> str:
    """Return ``text`` in ASCII letters, as far as its characters have any: 원영 is WonYeong."""
    return str(anyascii(text))
