"""People and the links to the identity providers that vouch for them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kcardswap.domain.accounts.events import AccountDeleted, UserRegistered, UserUnderReview
from kcardswap.domain.accounts.kinds import Provider, Role, UserStatus
from kcardswap.domain.accounts.refusals import AccountSuspended, AdminAccount, NoOtherSignIn
from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import ValidationFailed

EMAIL_MAX_LENGTH = 320
PASSWORD_MIN_LENGTH = 8


def normalise_email(text: str) -> str:
    """Return the address as it is stored and compared: trimmed and lower-case.

    :raises ValidationFailed: it has no ``@`` with something on both sides, or is too long.
    """
    email = text.strip().lower()
    local, at, host = email.rpartition("@")
    if not (at and local and host) or len(email) > EMAIL_MAX_LENGTH or any(c.isspace() for c in email):
        raise ValidationFailed("email", "Not an e-mail address.")
    return email


@dataclass(eq=False, kw_only=True)
class User(Aggregate):
    """One person's account; everything they own hangs off its id."""

    id: UUID
    email: str | None
    password_hash: str | None
    role: Role
    status: UserStatus
    suspended_until: datetime | None
    last_seen_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(cls, *, id: UUID, email: str | None, now: datetime, role: Role = Role.USER) -> "User":
        """Create the account of somebody who signs in for the first time."""
        user = cls(
            id=id,
            email=None if email is None else normalise_email(email),
            password_hash=None,
            role=role,
            status=UserStatus.ACTIVE,
            suspended_until=None,
            last_seen_at=now,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )
        user.record(UserRegistered(user_id=id))
        return user

    @classmethod
    def nobody(cls, *, id: UUID, now: datetime) -> "User":
        """Return an empty, deleted account, which stands in the history of others for somebody erased."""
        return cls(
            id=id,
            email=None,
            password_hash=None,
            role=Role.USER,
            status=UserStatus.DELETED,
            suspended_until=None,
            last_seen_at=None,
            deleted_at=now,
            created_at=now,
            updated_at=now,
        )

    @property
    def is_deleted(self) -> bool:
        """Tell whether the account is gone for everybody else."""
        return self.status is UserStatus.DELETED

    @property
    def may_use_password(self) -> bool:
        """Tell whether this account signs in by password: administrators only."""
        return self.role is not Role.USER and self.password_hash is not None and not self.is_deleted

    def is_suspended(self, now: datetime) -> bool:
        """Tell whether a suspension is running; one past its end no longer counts."""
        if self.status is not UserStatus.SUSPENDED:
            return False
        return self.suspended_until is None or self.suspended_until > now

    def refuse_if_suspended(self, now: datetime) -> None:
        """Do nothing for an account in good standing.

        :raises AccountSuspended: a suspension is running.
        """
        if self.is_suspended(now):
            raise AccountSuspended(suspended_until=self.suspended_until)

    def become_administrator(self, *, role: Role, password_hash: str) -> None:
        """Give the account an administrator's role and password."""
        if role is Role.USER:
            raise ValidationFailed("role", "An administrator is admin or super_admin.")
        self.role = role
        self.password_hash = password_hash

    def change_role(self, role: Role, *, password_hash: str | None, has_identity: bool) -> None:
        """Take another role; a password is kept or replaced, and goes with the last power it was for.

        :raises ValidationFailed: a password for somebody who is no administrator.
        :raises NoOtherSignIn: without the password nobody could sign in here any more.
        """
        if role is Role.USER:
            if password_hash is not None:
                raise ValidationFailed("role", "Only administrators have a password.")
            if not has_identity:
                raise NoOtherSignIn
            self.password_hash = None
        elif password_hash is not None:
            self.password_hash = password_hash
        self.role = role

    def suspend(self, *, until: datetime | None) -> None:
        """Shut the account ``until`` then, or without end; a running suspension gets the new end."""
        self.status = UserStatus.SUSPENDED
        self.suspended_until = until

    def lift_suspension(self, *, reports_wait: bool) -> None:
        """Open a suspended account again, under review if the reports against it ask for that."""
        if self.status is UserStatus.SUSPENDED:
            self.suspended_until = None
            self.status = UserStatus.UNDER_REVIEW if reports_wait else UserStatus.ACTIVE

    def come_under_review(self) -> None:
        """Mark an active account for the moderators."""
        if self.status is UserStatus.ACTIVE:
            self.status = UserStatus.UNDER_REVIEW
            self.record(UserUnderReview(user_id=self.id))

    def leave_review(self) -> None:
        """Take the mark away: nothing serious is left to look at."""
        if self.status is UserStatus.UNDER_REVIEW:
            self.status = UserStatus.ACTIVE

    def delete(self, now: datetime) -> None:
        """Leave for good: the e-mail address is free again, and nobody signs in here any more.

        :raises AdminAccount: administrators hand their role back first.
        """
        if self.role is not Role.USER:
            raise AdminAccount(status=self.status)
        self.status = UserStatus.DELETED
        self.email = self.password_hash = self.suspended_until = self.last_seen_at = None
        self.deleted_at = now
        self.record(AccountDeleted(user_id=self.id))

    def seen(self, now: datetime) -> None:
        """Note that the person was here."""
        self.last_seen_at = now


@dataclass(eq=False, kw_only=True)
class Identity:
    """The link between an account and its subject at an identity provider."""

    id: UUID
    user_id: UUID
    provider: Provider
    subject: str
    email: str | None
    sealed_refresh_token: str | None
    created_at: datetime
    updated_at: datetime
