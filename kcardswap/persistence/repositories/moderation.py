"""Repositories of reports and sanctions; whoever writes about somebody holds the lock of their row."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, distinct, func, literal, or_, select

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.posts import PostStatus
from kcardswap.domain.reports import (
    SERIOUS,
    Report,
    ReportNotFound,
    ReportReason,
    ReportStatus,
    ReportTarget,
    Resolution,
    Subject,
)
from kcardswap.domain.sanctions import Sanction, SanctionKind, SanctionNotFound
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, is_swappable
from kcardswap.persistence.orm.conversations import messages, threads
from kcardswap.persistence.orm.moderation import reports, sanctions
from kcardswap.persistence.orm.posts import post_comments, posts
from kcardswap.persistence.orm.trades import trade_items, trade_participants
from kcardswap.persistence.repositories.base import Repository

_IS_OPEN = reports.c.status != ReportStatus.RESOLVED
_IS_SERIOUS = and_(
    reports.c.reason.in_(SERIOUS),
    or_(reports.c.resolution.is_(None), reports.c.resolution != Resolution.DISMISS),
)


class ReportRepository(Repository[Report]):
    """What people reported."""

    entity = Report
    table = reports
    missing = ReportNotFound

    def find_open_twin(
        self, *, reporter_id: UUID, reported_user_id: UUID, reason: ReportReason, target_id: UUID | None
    ) -> Report | None:
        """Return the open report that says the same, or None."""
        return self._one(
            reports.c.reporter_id == reporter_id,
            reports.c.reported_user_id == reported_user_id,
            reports.c.reason == reason,
            func.coalesce(reports.c.target_id, reports.c.reported_user_id) == (target_id or reported_user_id),
            _IS_OPEN,
        )

    def lock_open_about(self, subject: Subject) -> list[Report]:
        """Return the open reports that name this very thing, locked in id order."""
        wanted = (
            reports.c.target_id == subject.target_id,
            reports.c.target_type == subject.target_type,
            _IS_OPEN,
        )
        return self._all(select(Report).where(*wanted).order_by(reports.c.id), lock=True)

    def serious_reporters(self, reported_user_id: UUID) -> int:
        """Return how many people reported somebody for something serious that was not dismissed."""
        about = select(func.count(distinct(reports.c.reporter_id)))
        return (
            self.session.scalar(about.where(reports.c.reported_user_id == reported_user_id, _IS_SERIOUS)) or 0
        )

    def any_serious_open(self, reported_user_id: UUID) -> bool:
        """Tell whether something serious that somebody is reported for waits for moderators."""
        wanted = (reports.c.reported_user_id == reported_user_id, _IS_SERIOUS, _IS_OPEN)
        return self.session.execute(select(reports.c.id).where(*wanted).limit(1)).first() is not None

    def person_behind(self, subject: Subject, *, seen_by: UUID) -> UUID | None:
        """Return whose thing is reported, or None when it is gone or was never shown to the reporter.

        Blocks hide nothing here: shutting somebody out must not keep them from telling moderators.
        """
        behind = _PEOPLE_BEHIND[subject.target_type](subject.target_id, seen_by)
        found = self.session.execute(behind).one_or_none()
        return None if found is None else found[0]


def _person(target_id: UUID, seen_by: UUID) -> Select[Any]:
    return select(users.c.id).where(users.c.id == target_id, users.c.status != UserStatus.DELETED)


def _owner_of_post(target_id: UUID, seen_by: UUID) -> Select[Any]:
    return select(posts.c.owner_id).where(posts.c.id == target_id, posts.c.status != PostStatus.DELETED)


def _author_of_comment(target_id: UUID, seen_by: UUID) -> Select[Any]:
    return (
        select(post_comments.c.user_id)
        .join(posts, posts.c.id == post_comments.c.post_id)
        .where(
            post_comments.c.id == target_id,
            post_comments.c.deleted_at.is_(None),
            posts.c.status != PostStatus.DELETED,
        )
    )


def _sender_of_message(target_id: UUID, seen_by: UUID) -> Select[Any]:
    return (
        select(messages.c.sender_id)
        .join(threads, threads.c.id == messages.c.thread_id)
        .where(
            messages.c.id == target_id, or_(threads.c.user_a_id == seen_by, threads.c.user_b_id == seen_by)
        )
    )


def _owner_of_card(target_id: UUID, seen_by: UUID) -> Select[Any]:
    swapped_with_them = (
        select(literal(1))
        .select_from(
            trade_items.join(trade_participants, trade_participants.c.trade_id == trade_items.c.trade_id)
        )
        .where(trade_items.c.card_id == cards.c.id, trade_participants.c.user_id == seen_by)
        .correlate(cards)
        .exists()
    )
    return select(cards.c.owner_id).where(
        cards.c.id == target_id, cards.c.deleted_at.is_(None), or_(is_swappable, swapped_with_them)
    )


_PEOPLE_BEHIND = {
    ReportTarget.USER: _person,
    ReportTarget.POST: _owner_of_post,
    ReportTarget.COMMENT: _author_of_comment,
    ReportTarget.MESSAGE: _sender_of_message,
    ReportTarget.CARD: _owner_of_card,
}


class SanctionRepository(Repository[Sanction]):
    """What moderators imposed."""

    entity = Sanction
    table = sanctions
    missing = SanctionNotFound

    def unlifted_suspension_of(self, user_id: UUID) -> Sanction | None:
        """Return the suspension of somebody that nobody lifted yet, perhaps past its end, or None."""
        return self._one(
            sanctions.c.user_id == user_id,
            sanctions.c.kind == SanctionKind.SUSPEND,
            sanctions.c.lifted_at.is_(None),
        )
