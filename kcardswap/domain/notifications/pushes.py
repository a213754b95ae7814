"""What is handed to the push service for one device, and what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.notifications.entity import NotificationType
from kcardswap.domain.notifications.texts import Text, language_of, text_of


class DeviceToken(NamedTuple):
    """Where a push goes: the row of the device and the token it had when it was read."""

    row_id: UUID
    fcm_token: str

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"DeviceToken({self.row_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One notification on its way to one device.

    ``tag`` is the same for everything that replaces one another on a device: a repetition, and the newer
    message of a room.
    """

    fcm_token: str = field(repr=False)
    user_id: UUID
    text: Text = field(repr=False)
    data: Mapping[str, str]
    tag: str


class Unpushed(NamedTuple):
    """A notification that is still to be pushed, with what its words depend on."""

    id: UUID
    user_id: UUID
    type: NotificationType
    payload: Mapping[str, str]
    collapse_key: str | None
    language: object
    """``preferences.language`` of the person, whatever they put there."""
    actor_name: str | None

    def to(self, device: DeviceToken) -> Push:
        """Return the push for one device."""
        return Push(
            fcm_token=device.fcm_token,
            user_id=self.user_id,
            text=text_of(self.type, language_of(self.language), name=self.actor_name),
            data={"type": self.type.value, **self.payload},
            tag=self.collapse_key or str(self.id),
        )


class PushOutcome(StrEnum):
    """How a push ended."""

    SENT = "sent"
    TOKEN_GONE = "token_gone"
    """The token leads nowhere any more, or was never ours."""


class PushFailed(Exception):
    """The push service did not take a push; nobody knows whether it arrived.

    ``retry_after`` is how many seconds the service wants to be left alone, None when it did not say.
    """

    def __init__(self, cause: str, *, retry_after: float | None = None) -> None:
        super().__init__(cause)
        self.retry_after = retry_after
