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


FIRST_SYLLABLE, LAST_SYLLABLE = 0xAC00, 0xD7A3
SYLLABLES_PER_INITIAL = 588
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"


def initial_consonants(text: str) -> str | None:
    """Return the initial consonants of a Hangul name, as people type them for short: 아이브 is ㅇㅇㅂ.

    Signs and spaces are left out. Text with other letters or digits, or of one syllable, has no such
    short form: None. Syllables lie in Unicode by initial consonant, 588 for each of the nineteen.
    """
    letters = [ord(c) for c in unicodedata.normalize("NFKC", text) if c.isalnum()]
    if len(letters) < 2 or not all(FIRST_SYLLABLE <= letter <= LAST_SYLLABLE for letter in letters):
        return None
    return "".join(INITIALS[(letter - FIRST_SYLLABLE) // SYLLABLES_PER_INITIAL] for letter in letters)
