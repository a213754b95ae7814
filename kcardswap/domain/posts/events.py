"""What happens to posts."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCreated(Event):
    """Somebody wrote a post."""

    aggregate: ClassVar[str] = "post"
    post_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PostClosed(Event):
    """The owner closed a post."""

    aggregate: ClassVar[str] = "post"
    post_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDeleted(Event):
    """A post was taken away together with its pictures, by its owner or an administrator."""

    aggregate: ClassVar[str] = "post"
    post_id: UUID
    owner_id: UUID
    deleted_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLiked(Event):
    """Somebody likes a post."""

    aggregate: ClassVar[str] = "post"
    post_id: UUID
    owner_id: UUID
    user_id: UUID
