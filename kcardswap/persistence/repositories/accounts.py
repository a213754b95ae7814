"""Repositories of users, identities, sessions, refresh tokens and login throttles."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.accounts import (
    Identity,
    LoginThrottle,
    Provider,
    RefreshToken,
    Role,
    Session,
    SessionNotFound,
    User,
    UserNotFound,
    UserStatus,
)
from kcardswap.persistence.orm.accounts import (
    identities,
    identity_denials,
    login_throttles,
    refresh_tokens,
    sessions,
    users,
)
from kcardswap.persistence.repositories.base import Repository


class UserRepository(Repository[User]):
    """Every account, also deleted ones."""

    entity = User
    table = users
    missing = UserNotFound

    def find_by_email(self, email: str, *, lock: bool = False) -> User | None:
        """Return the account with this normalised e-mail address, or None."""
        return self._one(users.c.email == email, lock=lock)

    def find_unlocked(self, id: UUID) -> User | None:
        """Return the account locked, or None while somebody else has it locked."""
        statement = select(User).where(users.c.id == id).with_for_update(key_share=True, skip_locked=True)
        return self.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()

    def claim_suspended_until(self, now: datetime, *, limit: int) -> list[User]:
        """Lock up to ``limit`` people whose suspension is over, longest over first, but none others lock."""
        statement = (
            select(User)
            .where(users.c.status == UserStatus.SUSPENDED, users.c.suspended_until <= now)
            .order_by(users.c.suspended_until, users.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)

    def any_moderator_but(self, people: Collection[UUID], *, roles: Collection[Role], now: datetime) -> bool:
        """Tell whether anybody but these people has one of these roles and can use it."""
        suspended = and_(
            users.c.status == UserStatus.SUSPENDED,
            or_(users.c.suspended_until.is_(None), users.c.suspended_until > now),
        )
        statement = select(users.c.id).where(
            users.c.role != Role.USER,
            users.c.role.in_(roles),
            users.c.id.not_in(people),
            users.c.status != UserStatus.DELETED,
            ~suspended,
        )
        return self.session.execute(statement.limit(1)).first() is not None


class IdentityRepository(Repository[Identity]):
    """Links between accounts and identity providers."""

    entity = Identity
    table = identities

    def find_by_subject(self, provider: Provider, subject: str, *, lock: bool = False) -> Identity | None:
        """Return the link of this provider's subject, or None when it never signed in."""
        return self._one(identities.c.provider == provider, identities.c.subject == subject, lock=lock)

    def of_user(self, user_id: UUID) -> list[Identity]:
        """Return all links of a person."""
        statement = select(Identity).where(identities.c.user_id == user_id).order_by(identities.c.id)
        return self._all(statement, lock=True)

    def deny(
        self, provider: Provider, subject_hash: str, *, id: UUID, until: datetime | None, now: datetime
    ) -> None:
        """Bar a subject from making a new account until this moment (None: for ever)."""
        statement = insert(identity_denials).values(
            id=id, provider=provider, subject_hash=subject_hash, until=until, created_at=now
        )
        self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["provider", "subject_hash"], set_={"until": until, "created_at": now}
            )
        )

    def denied_until(
        self, provider: Provider, subject_hash: str, now: datetime
    ) -> tuple[datetime | None] | None:
        """Return the end of a running denial as a 1-tuple (None = no end), or None when there is none."""
        denial = identity_denials.c
        row = self.session.execute(
            select(denial.until).where(denial.provider == provider, denial.subject_hash == subject_hash)
        ).one_or_none()
        if row is None or (row.until is not None and row.until <= now):
            return None
        return (row.until,)


class SessionRepository(Repository[Session]):
    """Sign-ins."""

    entity = Session
    table = sessions
    missing = SessionNotFound

    def live_of(self, user_id: UUID, now: datetime) -> list[Session]:
        """Return the live sessions of a person, locked in id order."""
        statement = (
            select(Session)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
            .order_by(sessions.c.id)
        )
        return self._all(statement, lock=True)


class RefreshTokenRepository(Repository[RefreshToken]):
    """Chains of refresh tokens; read under the lock of their session."""

    entity = RefreshToken
    table = refresh_tokens

    def successor_of(self, token: RefreshToken) -> RefreshToken | None:
        """Return the token that was issued for ``token``, or None."""
        return self._one(refresh_tokens.c.parent_id == token.id)


class LoginThrottleRepository(Repository[LoginThrottle]):
    """Counters of failed password sign-ins."""

    entity = LoginThrottle
    table = login_throttles

    def lock_or_start(self, key_hash: str, now: datetime) -> LoginThrottle:
        """Return the counter of this key, locked; a new one starts at zero."""
        self.session.execute(
            insert(login_throttles)
            .values(key_hash=key_hash, window_started_at=now, failures=0)
            .on_conflict_do_nothing()
        )
        found = self._one(login_throttles.c.key_hash == key_hash, lock=True)
        assert found is not None
        return found
