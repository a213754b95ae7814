"""Signing in, staying signed in, signing out."""

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import (
    AccountSuspended,
    EmailTaken,
    Identity,
    InvalidCredentials,
    Provider,
    RefreshInvalid,
    RefreshReused,
    RefreshToken,
    Role,
    Session,
    SessionClient,
    SessionEnd,
    SessionNotFound,
    User,
    normalise_email,
)
from kcardswap.domain.errors import ValidationFailed, WriteConflict
from kcardswap.domain.profiles import Profile
from kcardswap.gateways.identity import IdentityProviders, VerifiedIdentity
from kcardswap.gateways.passwords import Passwords
from kcardswap.gateways.tokens import TokenSigner, hash_of
from kcardswap.persistence.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """How sessions are made: their signer, their whole life, and how late a lost refresh may be repeated."""

    tokens: TokenSigner
    session_lifetime: timedelta
    refresh_grace: timedelta
    hash_pepper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a sign-in comes from."""

    client: SessionClient
    user_agent: str | None
    ip_prefix: str | None


class SignedIn(NamedTuple):
    """The tokens of a session, and whose it is. ``expires_in`` and ``session_seconds`` are seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: UUID
    email: str | None
    role: Role
    session_seconds: int


def sign_in_with_google(
    uow: UnitOfWork, policy: SignInPolicy, providers: IdentityProviders, *, id_token: str, device: Device
) -> SignedIn:
    """Open a session for the person a Google ID token is about; the first time, make their account.

    :raises InvalidGoogleToken: the token does not pass verification.
    :raises EmailTaken: another account has the e-mail address.
    :raises AccountSuspended: a suspension is running.
    """
    identity = providers.verify(id_token, now=uow.clock.now())
    with uow:
        now = uow.clock.now()
        _refuse_if_denied(uow, policy, identity, now)
        link = uow.identities.find_by_subject(Provider.GOOGLE, identity.subject)
        user = _register(uow, identity) if link is None else uow.users.get(link.user_id)
        _refuse_if_suspended(uow, policy, user, now)
        profile = uow.profiles.find_by_user(user.id, lock=True)
        if profile is None:
            profile = Profile.blank(id=uow.new_id(), user_id=user.id, now=now)
            uow.profiles.add(profile)
        profile.fill_empty(nickname=identity.name, avatar_url=identity.picture)
        signed_in = _open_session(uow, policy, user, device)
        uow.commit()
        return signed_in


def _register(uow: UnitOfWork, identity: VerifiedIdentity) -> User:
    now = uow.clock.now()
    email = _email_or_refuse(identity.email)
    if uow.users.find_by_email(email) is not None:
        if uow.identities.find_by_subject(Provider.GOOGLE, identity.subject) is not None:
            # A twin of this sign-in made the account a moment ago; the next try finds it.
            raise WriteConflict()
        raise EmailTaken()
    user = User.register(id=uow.new_id(), email=email, now=now)
    uow.users.add(user)
    # Across aggregates there is no relationship to order the inserts by.
    uow.flush()
    uow.identities.add(
        Identity(
            id=uow.new_id(),
            user_id=user.id,
            provider=Provider.GOOGLE,
            subject=identity.subject,
            email=email,
            sealed_refresh_token=None,
            created_at=now,
            updated_at=now,
        )
    )
    uow.flush()
    return user


def _email_or_refuse(text: str) -> str:
    try:
        return normalise_email(text)
    except ValidationFailed as error:
        raise ValidationFailed("google_token", "The token carries no usable e-mail address.") from error


def _refuse_if_denied(
    uow: UnitOfWork, policy: SignInPolicy, identity: VerifiedIdentity, now: datetime
) -> None:
    subject_hash = denial_hash(policy.hash_pepper, Provider.GOOGLE, identity.subject)
    denial = uow.identities.denied_until(Provider.GOOGLE, subject_hash, now)
    if denial is not None:
        raise AccountSuspended(suspended_until=denial[0])


def denial_hash(pepper: str, provider: Provider, subject: str) -> str:
    """Return the keyed hash under which a barred identity is remembered after its account is gone."""
    return hmac.new(pepper.encode(), f"{provider}:{subject}".encode(), hashlib.sha256).hexdigest()


def _refuse_if_suspended(uow: UnitOfWork, policy: SignInPolicy, user: User, now: datetime) -> None:
    if user.is_suspended(now):
        token = policy.tokens.restricted_token(user, token_id=uow.new_id(), now=now)
        raise AccountSuspended(suspended_until=user.suspended_until, restricted_token=token)


def sign_in_administrator(
    uow: UnitOfWork,
    policy: SignInPolicy,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    address: str,
    device: Device,
) -> SignedIn:
    """Open a session for an administrator; ``address`` is the caller's IP, for counting failures.

    :raises InvalidCredentials: whatever is wrong, with one answer in equal time.
    :raises RateLimited: too many failures for this e-mail address from this place.
    """
    key = hashlib.sha256(f"{email.strip().lower()}|{address}".encode()).hexdigest()
    with uow:
        uow.login_throttles.lock_or_start(key, uow.clock.now()).count_attempt(uow.clock.now())
        user = uow.users.find_by_email(email.strip().lower())
        password_hash = user.password_hash if user and user.may_use_password else None
        # Committed before the password is looked at: a refusal must not undo the count.
        uow.commit()
    # Outside the transaction: hashing takes tens of milliseconds on purpose.
    if not passwords.matches(password_hash, password):
        raise InvalidCredentials()
    assert user is not None
    with uow:
        user = uow.users.get(user.id)
        _refuse_if_suspended(uow, policy, user, uow.clock.now())
        uow.login_throttles.lock_or_start(key, uow.clock.now()).clear()
        signed_in = _open_session(uow, policy, user, device)
        uow.commit()
        return signed_in


def _open_session(uow: UnitOfWork, policy: SignInPolicy, user: User, device: Device) -> SignedIn:
    now = uow.clock.now()
    user.seen(now)
    session = Session.open(
        id=uow.new_id(),
        user_id=user.id,
        client=device.client,
        user_agent=device.user_agent,
        ip_prefix=device.ip_prefix,
        now=now,
        lifetime=policy.session_lifetime,
    )
    uow.sessions.add(session)
    uow.flush()
    token = _issue(uow, policy, session, parent=None)
    return _signed_in(uow, policy, user, session, token)


def _issue(
    uow: UnitOfWork, policy: SignInPolicy, session: Session, parent: RefreshToken | None
) -> RefreshToken:
    now = uow.clock.now()
    token = RefreshToken(
        id=uow.new_id(),
        session_id=session.id,
        parent_id=None if parent is None else parent.id,
        token_hash="",
        key_id=policy.tokens.current.id,
        issued_at=now,
        expires_at=session.expires_at,
        retired_at=None,
    )
    token.token_hash = hash_of(policy.tokens.refresh_token(token, session))
    uow.refresh_tokens.add(token)
    return token


def _signed_in(
    uow: UnitOfWork, policy: SignInPolicy, user: User, session: Session, token: RefreshToken
) -> SignedIn:
    now = uow.clock.now()
    return SignedIn(
        access_token=policy.tokens.access_token(user, session.id, token_id=uow.new_id(), now=now),
        refresh_token=policy.tokens.refresh_token(token, session),
        expires_in=int(policy.tokens.access_lifetime.total_seconds()),
        user_id=user.id,
        email=user.email,
        role=user.role,
        session_seconds=max(0, round((session.expires_at - now).total_seconds())),
    )


def refresh(uow: UnitOfWork, policy: SignInPolicy, *, presented: str) -> SignedIn:
    """Exchange a refresh token for its successor and a new access token.

    Parallel uses and lost answers inside the grace get the same successor. Any other use of a retired
    token ends the session, and that end is committed before the refusal.

    :raises RefreshInvalid: not a live refresh token of ours.
    :raises RefreshReused: it was exchanged before, too long ago or more than one step back.
    :raises AccountSuspended: a suspension is running.
    """
    claims = policy.tokens.read_refresh_token(presented)
    with uow:
        session = uow.sessions.find(claims.session_id, lock=True)
        token = uow.refresh_tokens.find(claims.token_id)
        if session is None or token is None or token.session_id != session.id:
            raise RefreshInvalid()
        if token.token_hash != hash_of(presented):
            raise RefreshInvalid()
        now = uow.clock.now()
        user = uow.users.get(session.user_id)
        user.refuse_if_suspended(now)
        if user.is_deleted or not session.is_live(now):
            raise RefreshInvalid()
        successor = _successor(uow, policy, session, token)
        if successor is None:
            session.end(SessionEnd.REUSE, now)
            uow.commit()
            raise RefreshReused()
        session.last_used_at = now
        user.seen(now)
        signed_in = _signed_in(uow, policy, user, session, successor)
        uow.commit()
        return signed_in


def _successor(
    uow: UnitOfWork, policy: SignInPolicy, session: Session, token: RefreshToken
) -> RefreshToken | None:
    """Return the token to answer with, or None when the presented one is being reused."""
    now = uow.clock.now()
    if token.is_newest:
        token.retired_at = now
        return _issue(uow, policy, session, parent=token)
    successor = uow.refresh_tokens.successor_of(token)
    if successor is not None and successor.is_newest and token.retired_within(policy.refresh_grace, now):
        return successor
    return None


def sign_out(
    uow: UnitOfWork, tokens: TokenSigner, *, refresh_token: str | None, session_id: UUID | None
) -> None:
    """End the sessions of the presented refresh token and of the presented access token, if they are live."""
    ending = set() if session_id is None else {session_id}
    if refresh_token:
        # Signing out always succeeds: a token that is no good needs no ending.
        with suppress(RefreshInvalid):
            ending.add(tokens.read_refresh_token(refresh_token).session_id)
    with uow:
        for session in uow.sessions.find_many(ending, lock=True).values():
            session.end(SessionEnd.LOGOUT, uow.clock.now())
        uow.commit()


def sign_out_everywhere(uow: UnitOfWork, *, user_id: UUID, keep: UUID | None) -> int:
    """End every live session of a person but ``keep``; return how many."""
    with uow:
        now = uow.clock.now()
        ending = [session for session in uow.sessions.live_of(user_id, now) if session.id != keep]
        for session in ending:
            session.end(SessionEnd.LOGOUT_ALL, now)
        uow.commit()
        return len(ending)


def end_session(uow: UnitOfWork, *, session_id: UUID, by: UUID) -> None:
    """End one session of the caller.

    :raises SessionNotFound: unknown, somebody else's, or over already.
    """
    with uow:
        now = uow.clock.now()
        session = uow.sessions.get(session_id, lock=True)
        if session.user_id != by or not session.is_live(now):
            raise SessionNotFound()
        session.end(SessionEnd.REVOKED, now)
        uow.commit()


def note_presence(uow: UnitOfWork, *, user_id: UUID) -> None:
    """Remember that the person was just here, unless their account is being written right now.

    It is done before every kind of request, also reads, and none of them is worth waiting for it.
    """
    with uow:
        user = uow.users.find_unlocked(user_id)
        if user is not None:
            user.seen(uow.clock.now())
            uow.commit()


def create_administrator(
    uow: UnitOfWork, passwords: Passwords, *, email: str, password: str, role: Role
) -> bool:
    """Make sure an administrator with this address exists; return whether the account was made.

    An existing administrator keeps password and role, so this can run at every deployment.

    :raises ValidationFailed: the address is no e-mail address, or a person without a password has it.
    """
    address = normalise_email(email)
    password_hash = passwords.hash(password)
    with uow:
        user = uow.users.find_by_email(address, lock=True)
        if user is not None:
            if not user.may_use_password:
                raise ValidationFailed("email", "A collector's account has this address.")
            return False
        now = uow.clock.now()
        user = User.register(id=uow.new_id(), email=address, now=now)
        user.become_administrator(role=role, password_hash=password_hash)
        uow.users.add(user)
        uow.flush()
        uow.profiles.add(Profile.blank(id=uow.new_id(), user_id=user.id, now=now))
        uow.commit()
        return True
