"""Phone numbers and street addresses, which nobody should tell the whole community."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from kcardswap.domain.errors import Refusal, ValidationFailed

FIELDS = ("title", "content")
"""The texts of a post that everybody reads and in which people write freely."""

_DASHES = r"\-\u2010-\u2015\u2212"
_GAP = rf"[ {_DASHES}]{{0,3}}"
_PHONE_NUMBERS = (
    # Mobile numbers of Taiwan and Korea: 09xx xxx xxx and 01x xxxx xxxx.
    rf"09[0-9]{{2}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}}",
    rf"01[0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}",
    # Landlines, 0x(x) xxx(x) xxxx, also with the area code in parentheses.
    rf"0[1-9][0-9]?\)?{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}",
    # Any country, with 8 to 15 digits.
    rf"\+[0-9](?:{_GAP}[0-9]){{7,14}}",
)
_PHONE_NUMBER = re.compile(rf"(?<![0-9])(?:{'|'.join(_PHONE_NUMBERS)})(?![0-9])")
# The house number has to end at most ten characters behind the street or lane.
_AFTER_STREET = re.compile(r"(?:路|街|大道|巷|弄)(?=(.{0,10}))", re.DOTALL)
_HOUSE_NUMBER = re.compile(r"[0-9] ?號")


class PersonalDataTold(ValidationFailed):
    """The text tells a phone number or a street address."""

    def __init__(self, fields: list[str]) -> None:
        message = "Leave out phone numbers and addresses; share them in a conversation."
        errors = [{"field": field, "message": message, "type": "pii"} for field in fields]
        Refusal.__init__(self, errors=errors)


def tells_personal_data(text: str) -> bool:
    """Tell whether ``text`` holds a phone number or a street address, also in full-width digits."""
    plain = unicodedata.normalize("NFKC", text)
    if _PHONE_NUMBER.search(plain):
        return True
    return any(_HOUSE_NUMBER.search(following[1]) for following in _AFTER_STREET.finditer(plain))


def refuse_personal_data(texts: Mapping[str, Any]) -> None:
    """Do nothing when neither title nor content tells personal data; texts that are missing do not.

    :raises PersonalDataTold: names the fields that do.
    """
    telling = [name for name in FIELDS if name in texts and tells_personal_data(texts[name])]
    if telling:
        raise PersonalDataTold(telling)
