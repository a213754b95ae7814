"""How free text is compared."""

import unicodedata

NORM_MAX_LENGTH = 200


def normalise(text: str | None) -> str | None:
    """Return ``text`` as it is compared and searched: NFKC, casefold, letters and digits only.

    The steps can lengthen a text, so the result is cut at 200 code points. Text without any letter or
    digit compares like no text at all: None.
    """
    if text is None:
        return None
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in unicodedata.normalize("NFKC", folded) if c.isalnum())[:NORM_MAX_LENGTH] or None
