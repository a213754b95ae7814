"""Writing, changing, closing and deleting posts."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.personal_data import refuse_personal_data
from kcardswap.domain.posts import Post, PostTerms
from kcardswap.domain.quotas import LimitKey, QuotaCalendar
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.gateways.uploads import let_go
from kcardswap.persistence.unit_of_work import UnitOfWork


def create(
    uow: UnitOfWork,
    calendar: QuotaCalendar,
    *,
    owner_id: UUID,
    may_announce: bool,
    described: Mapping[str, Any],
    terms: PostTerms,
) -> UUID:
    """Publish a post and return it; ``described`` takes the keys of ``Post.write``.

    :raises ValidationFailed: scope and city do not go together, or the end is past or too far away.
    :raises PersonalDataTold: the text tells a phone number or an address.
    :raises CategoryRestricted: an announcement by somebody who may not.
    :raises LimitExceeded: the posts of the day are used up.
    """
    with uow:
        now = uow.clock.now()
        post = Post.write(
            id=uow.new_id(),
            owner_id=owner_id,
            may_announce=may_announce,
            described=described,
            terms=terms,
            now=now,
        )
        uow.quotas.charge(
            owner_id,
            uow.quotas.plan_of(owner_id),
            LimitKey.POSTS_PER_DAY,
            amount=1,
            period=calendar.day(now),
            now=now,
        )
        uow.posts.add(post)
        uow.commit()
        return post.id


def edit(uow: UnitOfWork, *, post_id: UUID, by: UUID, may_announce: bool, changes: Mapping[str, Any]) -> None:
    """Change what an open post says; ``changes`` takes the keys of ``Post.edit``.

    :raises PersonalDataTold: the text tells a phone number or an address.
    :raises PostNotFound: unknown or deleted.
    :raises NotOwner: somebody else's.
    :raises CategoryRestricted: it would become an announcement of somebody who may not.
    :raises PostNotOpen: it was closed, or its time is over.
    """
    # Whether a text can be published depends on no post, so it is told before whether there is one.
    refuse_personal_data(changes)
    with uow:
        post = uow.posts.get_present(post_id, lock=True)
        post.refuse_others(by)
        post.edit(changes, may_announce=may_announce, now=uow.clock.now())
        uow.commit()


def close(uow: UnitOfWork, *, post_id: UUID, by: UUID) -> None:
    """Take no more answers to a post; closing it again changes nothing.

    :raises PostNotFound: unknown, or a deleted one of somebody else.
    :raises NotOwner: somebody else's.
    :raises PostNotOpen: it was deleted, or its time is over.
    """
    with uow:
        post = uow.posts.get(post_id, lock=True)
        if post.owner_id != by:
            # Only its owner is told that a post is closed for having been deleted.
            uow.posts.get_present(post_id).refuse_others(by)
        post.close(uow.clock.now())
        uow.commit()


def delete(uow: UnitOfWork, storage: ObjectStorage, *, post_id: UUID, by: UUID, may_moderate: bool) -> None:
    """Take a post away together with its pictures; what a moderator takes away is in the audit log.

    :raises PostNotFound: unknown or deleted.
    :raises NotOwner: somebody else's, and the caller is no moderator.
    """
    with uow:
        post = uow.posts.get_present(post_id, lock=True)
        if not may_moderate:
            post.refuse_others(by)
        unused_keys = uow.posts.take_away(post, by=by, now=uow.clock.now())
        if post.owner_id != by:
            uow.audit.write(
                actor_id=by,
                action=AuditAction.DELETE_POST,
                target_type="post",
                target_id=post.id,
                details={"owner_id": post.owner_id},
            )
        uow.commit()
    for key in unused_keys:
        uow.once_durable(partial(let_go, storage, key))


def expire_overdue(uow: UnitOfWork, *, limit: int) -> int:
    """Store of up to ``limit`` open posts that their time is over, and return how many.

    Everybody sees them as expired already. Repeats safely, and any number of callers may do so at once.
    """
    with uow:
        overdue = uow.posts.claim_overdue(uow.clock.now(), limit=limit)
        for post in overdue:
            post.expire()
        uow.commit()
        return len(overdue)
