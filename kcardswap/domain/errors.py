"""The kinds of refusal the product knows; each rule is a small class beside its entity.

Nothing here knows HTTP: ``api/errors.py`` maps these kinds to statuses and codes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar


class Refusal(Exception):
    """A rule said no. ``message`` is prose for people, ``reason`` and ``details`` are for programs."""

    message: ClassVar[str] = "This cannot be done."
    reason: ClassVar[str | None] = None

    def __init__(self, message: str | None = None, **details: object) -> None:
        super().__init__(message or self.message)
        self._details = details

    @property
    def details(self) -> Mapping[str, object]:
        """Return the machine-readable facts of this refusal."""
        reason = {} if self.reason is None else {"reason": self.reason}
        return {**reason, **self._details}


class ValidationFailed(Refusal):
    """One field of the input is not what the contract says."""

    message = "The request is not valid."

    def __init__(self, field: str, message: str, kind: str = "invalid") -> None:
        super().__init__(errors=[{"field": field, "message": message, "type": kind}])


class InvalidRequest(Refusal):
    """Well-formed, but meaningless."""


class Unauthorized(Refusal):
    """The credential is missing or not good."""


class TokenExpired(Refusal):
    """The access token is past its end."""

    message = "The access token has expired."


class Forbidden(Refusal):
    """The caller is known, but may not do this."""


class Blocked(Refusal):
    """One of the two people blocked the other; never says who."""

    message = "You and this person cannot interact."
    reason = "blocked"


class NotFound(Refusal):
    """No such thing, or it is hidden from the caller; both answers are identical."""

    message = "Not found."

    def __init__(self, resource_type: str) -> None:
        super().__init__(resource_type=resource_type)


class Conflict(Refusal):
    """Collides with what is already there."""


class InvalidState(Refusal):
    """The thing is not in a state that allows this."""


class LimitExceeded(Refusal):
    """A quota of the caller's plan is used up."""

    def __init__(
        self, *, limit_key: str, limit_value: int, current_value: int, reset_at: datetime | None = None
    ) -> None:
        super().__init__(
            f"Limit {limit_key} reached: {current_value}/{limit_value}.",
            limit_key=limit_key,
            limit_value=limit_value,
            current_value=current_value,
            reset_at=reset_at,
        )


class RateLimited(LimitExceeded):
    """Too many attempts in a window; ``reset_at`` says when to come back."""


class PayloadTooLarge(Refusal):
    """The body has more bytes than allowed."""

    message = "The body is too large."

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes=max_bytes)


class UnsupportedMediaType(Refusal):
    """The body has a content type this operation does not take."""

    message = "This content type is not accepted here."


class Unavailable(Refusal):
    """A dependency is down; worth another try a little later."""

    message = "A service this depends on is unavailable. Try again shortly."

    def __init__(self, service: str) -> None:
        super().__init__(service=service)


class WriteConflict(Exception):
    """The database asks for the whole unit of work to be repeated (serialization failure or deadlock)."""


class SelfTarget(InvalidRequest):
    """The caller aimed at themselves."""

    message = "This cannot be done to yourself."
    reason = "self_target"


class DuplicateIds(InvalidRequest):
    """A list of ids names the same thing twice."""

    message = "The same id is listed twice."
    reason = "duplicate_ids"


class NotOwner(Forbidden):
    """It belongs to somebody else."""

    message = "This belongs to somebody else."
    reason = "not_owner"
