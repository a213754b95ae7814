"""The fixed words of a trade: states, ways to meet, roles and reasons."""

from enum import StrEnum


class TradeStatus(StrEnum):
    """Where a trade stands; the last three are final."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELED = "canceled"


UNFINISHED = (TradeStatus.PROPOSED, TradeStatus.ACCEPTED)
"""States in which a trade keeps its cards reserved."""


class Meeting(StrEnum):
    """How the cards change hands."""

    IN_PERSON = "in_person"
    MAIL = "mail"


class TradeRole(StrEnum):
    """Who proposed, and who answers."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


class CancelReason(StrEnum):
    """Why a trade came to nothing; ``countered`` belongs to a rejected one."""

    USER = "user"
    TIMEOUT = "timeout"
    BLOCKED = "blocked"
    SUSPENDED = "suspended"
    ACCOUNT_DELETED = "account_deleted"
    CARD_REMOVED = "card_removed"
    COUNTERED = "countered"
