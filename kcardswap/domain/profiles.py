"""What people tell others about themselves, and who may see it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, TypedDict
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.text import normalise

AVATAR_URL = re.compile(r"https?://[^\s/?#]\S*")
PREFERENCES_MAX_BYTES = 16 * 1024
PRIVACY_FLAGS = ("nearby_visible", "show_online", "allow_stranger_chat", "show_wishlist")


class SwapMode(StrEnum):
    """How cards change hands."""

    IN_PERSON = "in_person"
    MAIL = "mail"


class ProfileChanges(TypedDict, total=False):
    """What somebody changes about their profile: absent keys keep their value, None clears it."""

    nickname: str | None
    avatar_url: str | None
    bio: str | None
    region: str | None
    swap_modes: Sequence[SwapMode]
    preferences: Mapping[str, Any]
    privacy_flags: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUpdated(Event):
    """Somebody changed their profile."""

    aggregate: ClassVar[str] = "user"
    user_id: UUID


@dataclass(eq=False, kw_only=True)
class Profile(Aggregate):
    """One person's profile; there is exactly one per account."""

    id: UUID
    user_id: UUID
    nickname: str | None
    nickname_norm: str | None
    avatar_url: str | None
    bio: str | None
    region: str | None
    swaps_in_person: bool
    swaps_by_mail: bool
    preferences: Mapping[str, Any]
    nearby_visible: bool
    show_online: bool
    allow_stranger_chat: bool
    show_wishlist: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def blank(cls, *, id: UUID, user_id: UUID, now: datetime) -> "Profile":
        """Return the profile somebody starts with: empty, open to swaps of both kinds, visible."""
        return cls(
            id=id,
            user_id=user_id,
            nickname=None,
            nickname_norm=None,
            avatar_url=None,
            bio=None,
            region=None,
            swaps_in_person=True,
            swaps_by_mail=True,
            preferences={},
            nearby_visible=True,
            show_online=True,
            allow_stranger_chat=True,
            show_wishlist=True,
            created_at=now,
            updated_at=now,
        )

    def fill_empty(self, *, nickname: str | None, avatar_url: str | None) -> None:
        """Take name and picture of an identity provider, but never over what the person chose."""
        if self.nickname is None and nickname:
            self.rename(nickname.strip()[:100] or None)
        if self.avatar_url is None and avatar_url and avatar_url.startswith(("https://", "http://")):
            self.avatar_url = avatar_url if len(avatar_url) <= 2048 else None

    def edit(self, changes: ProfileChanges) -> None:
        """Apply ``changes``; nothing given, nothing happened.

        :raises ValidationFailed: one of them is not what a profile can hold.
        """
        if "nickname" in changes:
            self.rename(changes["nickname"])
        if "avatar_url" in changes:
            self.show_avatar(changes["avatar_url"])
        self.bio = changes.get("bio", self.bio)
        self.region = changes.get("region", self.region)
        if "swap_modes" in changes:
            self.swap_by(set(changes["swap_modes"]))
        if "preferences" in changes:
            self.merge_preferences(changes["preferences"])
        self.set_privacy(changes.get("privacy_flags", {}))
        if changes:
            self.changed()

    def show_avatar(self, url: str | None) -> None:
        """Change the address of the picture; None clears it.

        :raises ValidationFailed: no http or https address of a host.
        """
        if url is not None and not AVATAR_URL.fullmatch(url):
            raise ValidationFailed("avatar_url", "An address that starts with http:// or https://.")
        self.avatar_url = url

    def rename(self, nickname: str | None) -> None:
        """Change the nickname; None clears it."""
        self.nickname = nickname
        self.nickname_norm = normalise(nickname)

    def swap_by(self, modes: set[SwapMode]) -> None:
        """Say how cards may change hands.

        :raises ValidationFailed: no mode at all.
        """
        if not modes:
            raise ValidationFailed("swap_modes", "Name at least one way to swap.")
        self.swaps_in_person = SwapMode.IN_PERSON in modes
        self.swaps_by_mail = SwapMode.MAIL in modes

    def merge_preferences(self, changes: Mapping[str, Any]) -> None:
        """Replace the given keys of the preferences, one level deep, and keep the others.

        :raises ValidationFailed: the result is larger than 16 KiB as JSON.
        """
        merged = {**self.preferences, **changes}
        if _stored_bytes(merged) > PREFERENCES_MAX_BYTES:
            raise ValidationFailed("preferences", "At most 16 KiB after merging.", "too_long")
        self.preferences = merged

    def set_privacy(self, flags: Mapping[str, bool]) -> None:
        """Switch the given privacy flags and keep the others.

        :raises ValidationFailed: a flag is unknown.
        """
        for name, value in flags.items():
            if name not in PRIVACY_FLAGS:
                raise ValidationFailed(f"privacy_flags.{name}", "Unknown privacy flag.", "unknown")
            setattr(self, name, value)

    def changed(self) -> None:
        """Note that the person edited their profile."""
        self.record(ProfileUpdated(user_id=self.user_id))


def _stored_bytes(value: Any) -> int:
    """Return how many bytes JSON takes once it is stored, where 1e300 is written out in all its digits."""
    if isinstance(value, float):
        return len(format(Decimal(repr(value)), "f"))
    if isinstance(value, Mapping):
        # A colon and a comma, each with a space, or a brace in place of the last comma.
        return sum(_stored_bytes(name) + _stored_bytes(inner) + 4 for name, inner in value.items()) or 2
    if isinstance(value, list | tuple):
        return sum(_stored_bytes(inner) + 2 for inner in value) or 2
    return len(json.dumps(value, ensure_ascii=False).encode())
