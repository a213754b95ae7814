"""The post and its state machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import NotOwner, SelfTarget, ValidationFailed
from kcardswap.domain.personal_data import refuse_personal_data
from kcardswap.domain.posts.events import PostClosed, PostCreated, PostDeleted, PostLiked
from kcardswap.domain.posts.kinds import PostCategory, PostScope, PostStatus
from kcardswap.domain.posts.refusals import CategoryRestricted, PostNotFound, PostNotOpen
from kcardswap.domain.text import normalise

TEXT_FIELDS = ("title", "content", "idol", "idol_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostTerms:
    """How long posts stay open: unless their owner says otherwise, and at most."""

    default: timedelta
    longest: timedelta

    def ends_at(self, wanted: datetime | None, now: datetime) -> datetime:
        """Return when a post made at ``now`` expires.

        :raises ValidationFailed: the wanted end is past or too far away.
        """
        if wanted is None:
            return now + self.default
        if wanted <= now:
            raise ValidationFailed("expires_at", "Must be in the future.")
        if wanted > now + self.longest:
            raise ValidationFailed("expires_at", f"At most {self.longest.days} days ahead.")
        return wanted


def audience(scope: PostScope | None, city_code: str | None) -> tuple[PostScope, str | None]:
    """Return the scope and city of a post; a city alone means its people.

    :raises ValidationFailed: a city for everybody, or the people of no city.
    """
    wanted = scope or (PostScope.CITY if city_code else PostScope.GLOBAL)
    if wanted is PostScope.CITY and city_code is None:
        raise ValidationFailed("city_code", "Required for the scope city.", "required")
    if wanted is PostScope.GLOBAL and city_code is not None:
        raise ValidationFailed("city_code", "Only for the scope city.")
    return wanted, city_code


def refuse_unwanted(description: Mapping[str, Any], *, may_announce: bool) -> None:
    """Do nothing when a post may say this.

    :raises PersonalDataTold: the text tells a phone number or an address.
    :raises CategoryRestricted: an announcement by somebody who may not.
    """
    refuse_personal_data(description)
    if description.get("category") is PostCategory.ANNOUNCEMENT and not may_announce:
        raise CategoryRestricted


@dataclass(eq=False, kw_only=True)
class Post(Aggregate):
    """One message to the community; ``status`` is what was stored, ``status_at`` what holds."""

    id: UUID
    owner_id: UUID
    scope: PostScope
    city_code: str | None
    category: PostCategory
    title: str
    content: str
    idol: str | None
    idol_group: str | None
    idol_norm: str | None
    idol_group_norm: str | None
    status: PostStatus
    like_count: int
    comment_count: int
    """Counted by the repository, in the transaction of the like or comment and under the row's lock."""
    expires_at: datetime
    closed_at: datetime | None
    deleted_at: datetime | None
    deleted_by: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def write(
        cls,
        *,
        id: UUID,
        owner_id: UUID,
        may_announce: bool,
        described: Mapping[str, Any],
        terms: PostTerms,
        now: datetime,
    ) -> "Post":
        """Tell the community something.

        ``described`` takes scope, city_code, category, title, content, idol, idol_group and expires_at; title
        and content are needed.

        :raises ValidationFailed: scope and city do not go together, or the end is past or too far away.
        :raises PersonalDataTold: the text tells a phone number or an address.
        :raises CategoryRestricted: an announcement by somebody who may not.
        """
        scope, city_code = audience(described.get("scope"), described.get("city_code"))
        post = cls(
            id=id,
            owner_id=owner_id,
            scope=scope,
            city_code=city_code,
            category=PostCategory.TRADE,
            title="",
            content="",
            idol=None,
            idol_group=None,
            idol_norm=None,
            idol_group_norm=None,
            status=PostStatus.OPEN,
            like_count=0,
            comment_count=0,
            expires_at=terms.ends_at(described.get("expires_at"), now),
            closed_at=None,
            deleted_at=None,
            deleted_by=None,
            created_at=now,
            updated_at=now,
        )
        refuse_unwanted(described, may_announce=may_announce)
        post._describe(described)
        post.record(PostCreated(post_id=id, owner_id=owner_id))
        return post

    def status_at(self, now: datetime) -> PostStatus:
        """Return the status that holds at ``now``: an open post past its end is expired."""
        overdue = self.status is PostStatus.OPEN and self.expires_at <= now
        return PostStatus.EXPIRED if overdue else self.status

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the owner.

        :raises NotOwner: the post belongs to somebody else.
        """
        if self.owner_id != user_id:
            raise NotOwner

    def refuse_own(self, user_id: UUID) -> None:
        """Do nothing for everybody but the owner.

        :raises SelfTarget: it is their own post.
        """
        if self.owner_id == user_id:
            raise SelfTarget

    def refuse_unless_open(self, now: datetime) -> None:
        """Do nothing while the post is open.

        :raises PostNotOpen: it was closed or deleted, or its time is over.
        """
        status = self.status_at(now)
        if status is not PostStatus.OPEN:
            raise PostNotOpen(status=status)

    def edit(self, changes: Mapping[str, Any], *, may_announce: bool, now: datetime) -> None:
        """Take over the given ones of title, content, idol, idol_group and category.

        :raises PersonalDataTold: the text tells a phone number or an address.
        :raises CategoryRestricted: it would become an announcement of somebody who may not.
        :raises PostNotOpen: it was closed or deleted, or its time is over.
        """
        refuse_unwanted(changes, may_announce=may_announce)
        self.refuse_unless_open(now)
        self._describe(changes)

    def _describe(self, changes: Mapping[str, Any]) -> None:
        for name in (*TEXT_FIELDS, "category"):
            if name in changes:
                setattr(self, name, changes[name])
        self.idol_norm = normalise(self.idol)
        self.idol_group_norm = normalise(self.idol_group)

    def close(self, now: datetime) -> None:
        """Take no more answers; closing again changes nothing.

        :raises PostNotOpen: it was deleted, or its time is over.
        """
        if self.status is PostStatus.CLOSED:
            return
        self.refuse_unless_open(now)
        self.status = PostStatus.CLOSED
        self.closed_at = now
        self.record(PostClosed(post_id=self.id, owner_id=self.owner_id))

    def expire(self) -> None:
        """Store that the time of the post ran out."""
        self.status = PostStatus.EXPIRED

    def liked(self, by: UUID) -> None:
        """Record that somebody likes the post."""
        self.record(PostLiked(post_id=self.id, owner_id=self.owner_id, user_id=by))

    def delete(self, *, by: UUID | None, now: datetime) -> None:
        """Take the post away from everybody but administrators; ``by`` None is the system.

        :raises PostNotFound: it was taken away before.
        """
        if self.status is PostStatus.DELETED:
            raise PostNotFound
        self.status = PostStatus.DELETED
        self.deleted_at = now
        self.deleted_by = by
        self.record(PostDeleted(post_id=self.id, owner_id=self.owner_id, deleted_by=by))
