"""Repositories of devices and of what people are told."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.notifications import (
    DEVICES_PER_PERSON,
    Device,
    DeviceToken,
    Notification,
    Unpushed,
    hash_of,
)
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.notifications import device_tokens, notifications
from kcardswap.persistence.orm.outbox import processed_events
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.repositories.base import Repository


def _blocked(blocker_id: ColumnElement[UUID], blocked_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return exists().where(blocks.c.blocker_id == blocker_id, blocks.c.blocked_id == blocked_id)


def _blocked_either_way(a: ColumnElement[UUID], b: ColumnElement[UUID]) -> ColumnElement[bool]:
    return or_(_blocked(a, b), _blocked(b, a))


def _may_hear_of(actor_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return the condition that the person of ``users`` is told what ``actor_id`` did, nobody for NULL."""
    actor = users.alias("actor")
    is_there = exists().where(actor.c.id == actor_id, actor.c.status != UserStatus.DELETED)
    may_hear = or_(actor_id.is_(None), and_(is_there, ~_blocked_either_way(users.c.id, actor_id)))
    return and_(users.c.status != UserStatus.DELETED, may_hear)


_actor_profile = profiles.alias("actor_profile")
_UNPUSHED = (
    select(
        notifications.c.id,
        notifications.c.user_id,
        notifications.c.type,
        notifications.c.payload,
        notifications.c.collapse_key,
        profiles.c.preferences["language"],
        _actor_profile.c.nickname,
    )
    .select_from(
        notifications.join(users, users.c.id == notifications.c.user_id)
        .outerjoin(profiles, profiles.c.user_id == notifications.c.user_id)
        .outerjoin(_actor_profile, _actor_profile.c.user_id == notifications.c.actor_id)
    )
    .where(
        notifications.c.id == bindparam("notification_id", type_=Uuid()),
        notifications.c.read_at.is_(None),
        notifications.c.pushed_at.is_(None),
        _may_hear_of(notifications.c.actor_id),
    )
)


class DeviceRepository(Repository[Device]):
    """Where pushes go; a token leads to one device of one person."""

    entity = Device
    table = device_tokens

    def register(self, device: Device) -> None:
        """Store a device, or what has changed about it; its token leads nowhere else any more.

        Of more devices than one person may have, those unseen for longest are forgotten.
        """
        known = device_tokens.c
        elsewhere = or_(known.user_id != device.user_id, known.device_id != device.device_id)
        self.session.execute(
            delete(device_tokens).where(known.fcm_token_hash == device.fcm_token_hash, elsewhere)
        )
        fresh = insert(device_tokens).values({column.name: getattr(device, column.name) for column in known})
        changes = {
            name: fresh.excluded[name] for name in ("platform", "fcm_token", "fcm_token_hash", "updated_at")
        }
        self.session.execute(
            fresh.on_conflict_do_update(constraint="uq_device_tokens_user_id_device_id", set_=changes)
        )
        too_many = (
            select(known.id)
            .where(known.user_id == device.user_id)
            .order_by(known.updated_at.desc(), known.id.desc())
            .offset(DEVICES_PER_PERSON)
        )
        self.session.execute(delete(device_tokens).where(known.id.in_(too_many)))

    def forget(self, user_id: UUID, device_id: str) -> None:
        """Push nothing more to a device; an unknown one is fine."""
        self.session.execute(
            delete(device_tokens).where(
                device_tokens.c.user_id == user_id, device_tokens.c.device_id == device_id
            )
        )

    def forget_token(self, token: DeviceToken) -> None:
        """Forget a device whose token leads nowhere, unless it has got another one meanwhile."""
        self.session.execute(
            delete(device_tokens).where(
                device_tokens.c.id == token.row_id,
                device_tokens.c.fcm_token_hash == hash_of(token.fcm_token),
            )
        )

    def not_reached(self, user_id: UUID, event_id: UUID) -> list[DeviceToken]:
        """Return the devices of a person that what ``event_id`` stored was not pushed to yet."""
        reached = exists().where(
            processed_events.c.consumer == func.concat("push:", device_tokens.c.id),
            processed_events.c.event_id == event_id,
        )
        statement = (
            select(device_tokens.c.id, device_tokens.c.fcm_token)
            .where(device_tokens.c.user_id == user_id, ~reached)
            .order_by(device_tokens.c.id)
        )
        return [DeviceToken(*row) for row in self.session.execute(statement)]

    def note_reached(self, token: DeviceToken, event_id: UUID, now: datetime) -> None:
        """Remember that a device was pushed to, so that it is not when the others are tried again."""
        self.session.execute(
            insert(processed_events)
            .values(consumer=f"push:{token.row_id}", event_id=event_id, processed_at=now)
            .on_conflict_do_nothing()
        )


class NotificationRepository(Repository[Notification]):
    """What people are told."""

    entity = Notification
    table = notifications

    def audience(self, people: Collection[UUID], actor_id: UUID | None) -> set[UUID]:
        """Return which of these people may be told what ``actor_id`` did, or what nobody in particular did.

        Deleted people are told nothing, nothing is told of them, and nothing between blocked people.
        """
        statement = select(users.c.id).where(
            users.c.id.in_(sorted(people)), _may_hear_of(literal(actor_id, Uuid()))
        )
        return set(self.session.scalars(statement))

    def store(self, notification: Notification, *, happened_at: datetime) -> bool:
        """Store what somebody is told of what happened at ``happened_at``, and tell whether it was news.

        It is none when the event was told to them before, or when something later of the same collapse key
        was. An earlier unread one of that key gives way to it.
        """
        values = {column.name: getattr(notification, column.name) for column in notifications.columns}
        if notification.collapse_key is None:
            statement = insert(notifications).values(values).on_conflict_do_nothing()
        elif self._knows_later(notification, happened_at):
            return False
        else:
            fresh = insert(notifications).values(values)
            statement = fresh.on_conflict_do_update(
                index_elements=["user_id", "collapse_key"],
                index_where=and_(
                    notifications.c.read_at.is_(None), notifications.c.collapse_key.is_not(None)
                ),
                set_={name: fresh.excluded[name] for name in values},
                where=notifications.c.collapse_seq < fresh.excluded.collapse_seq,
            )
        is_news = self.session.execute(statement.returning(notifications.c.id)).first() is not None
        if is_news:
            self._remember(notification)
        return is_news

    def _knows_later(self, notification: Notification, happened_at: datetime) -> bool:
        """Tell whether the person was told something as late of this collapse key, perhaps read by now."""
        later = select(notifications.c.id).where(
            notifications.c.user_id == notification.user_id,
            # Later things are told later; this keeps the search to the newest end of an index.
            notifications.c.created_at >= happened_at,
            notifications.c.collapse_key == notification.collapse_key,
            notifications.c.collapse_seq >= notification.collapse_seq,
        )
        return self.session.execute(later.limit(1)).first() is not None

    def read(self, user_id: UUID, ids: Collection[UUID] | None, now: datetime) -> int:
        """Mark a person's notifications read, all of them for None, and return how many were unread.

        Those a block hides stay as they are: their number would tell that there is a block.
        """
        actor_id = notifications.c.actor_id
        statement = update(notifications).where(
            notifications.c.user_id == user_id,
            notifications.c.read_at.is_(None),
            or_(actor_id.is_(None), ~_blocked_either_way(notifications.c.user_id, actor_id)),
        )
        if ids is not None:
            statement = statement.where(notifications.c.id.in_(sorted(ids)))
        marked = self.session.execute(statement.values(read_at=now).returning(notifications.c.id))
        return len(marked.all())

    def unpushed(self, notification_id: UUID) -> Unpushed | None:
        """Return a notification that is to be pushed, or None when nobody needs to hear of it any more.

        That is: it is pushed, read, gone, replaced by a newer one, its person or its actor has left, or one
        of the two has blocked the other.
        """
        row = self.session.execute(_UNPUSHED, {"notification_id": notification_id}).one_or_none()
        return None if row is None else Unpushed(*row)

    def note_pushed(self, notification_id: UUID, now: datetime) -> None:
        """Remember that a notification reached every device it could."""
        self.session.execute(
            update(notifications).where(notifications.c.id == notification_id).values(pushed_at=now)
        )
