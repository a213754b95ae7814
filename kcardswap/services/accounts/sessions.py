"""Staying signed in, and signing out."""

from contextlib import suppress
from uuid import UUID

from kcardswap.domain.accounts import (
    RefreshInvalid,
    RefreshReused,
    RefreshToken,
    Session,
    SessionEnd,
    SessionNotFound,
)
from kcardswap.gateways.tokens import TokenSigner, hash_of
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.accounts.opening import SignedIn, SignInPolicy, issue, signed_in_as


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
        # Before the session, like everybody else who changes both.
        user = uow.users.find(claims.user_id, lock=True)
        session = uow.sessions.find(claims.session_id, lock=True)
        token = uow.refresh_tokens.find(claims.token_id)
        if user is None or session is None or token is None:
            raise RefreshInvalid()
        if token.session_id != session.id or token.token_hash != hash_of(presented):
            raise RefreshInvalid()
        now = uow.clock.now()
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
        signed_in = signed_in_as(uow, policy, user, session, successor)
        uow.commit()
        return signed_in


def _successor(
    uow: UnitOfWork, policy: SignInPolicy, session: Session, token: RefreshToken
) -> RefreshToken | None:
    """Return the token to answer with, or None when the presented one is being reused."""
    now = uow.clock.now()
    if token.is_newest:
        token.retired_at = now
        return issue(uow, policy, session, parent=token)
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
        if user is not None and not user.is_deleted:
            user.seen(uow.clock.now())
            uow.commit()
