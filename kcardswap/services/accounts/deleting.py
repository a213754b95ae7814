"""Leaving for good: an account is gone for everybody at once, and its traces are erased later."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import Identity, Provider, SessionEnd, SessionEnded, User
from kcardswap.domain.erasure import ErasureRequest
from kcardswap.domain.trades import CancelReason
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.accounts.opening import SignInPolicy
from kcardswap.services.accounts.signing_in import denial_hash


class Deletion(NamedTuple):
    """When an account was deleted, and by when its traces are erased."""

    deleted_at: datetime
    erase_by: datetime


def delete_account(
    uow: UnitOfWork, policy: SignInPolicy, *, user_id: UUID, erase_after: timedelta
) -> Deletion:
    """Delete the account of a person; there is no way back.

    Their e-mail address and identities are free again at once, unless a suspension is running: then the
    identities stay barred until its end.

    :raises SessionEnded: they left already, perhaps a moment ago.
    :raises AdminAccount: administrators hand their role back first.
    """
    with uow:
        now = uow.clock.now()
        user = uow.users.find(user_id, lock=True)
        if user is None or user.is_deleted:
            raise SessionEnded()
        suspended, until = user.is_suspended(now), user.suspended_until
        user.delete(now)
        for session in uow.sessions.live_of(user_id, now):
            session.end(SessionEnd.DELETED, now)
        identities = uow.identities.of_user(user_id)
        if suspended:
            _bar(uow, policy, identities, until=until, now=now)
        _call_off_trades(uow, user, now)
        uow.erasures.forget_at_once(user_id)
        request = ErasureRequest.make(
            id=uow.new_id(),
            user_id=user_id,
            sealed_refresh_token=_apples_token(identities),
            now=now,
            after=erase_after,
        )
        uow.erasures.add(request)
        uow.commit()
        return Deletion(deleted_at=now, erase_by=request.due_at)


def _bar(
    uow: UnitOfWork,
    policy: SignInPolicy,
    identities: list[Identity],
    *,
    until: datetime | None,
    now: datetime,
) -> None:
    for identity in identities:
        subject_hash = denial_hash(policy.hash_pepper, identity.provider, identity.subject)
        uow.identities.deny(identity.provider, subject_hash, id=uow.new_id(), until=until, now=now)


def _call_off_trades(uow: UnitOfWork, user: User, now: datetime) -> None:
    unfinished = uow.trades.lock_unfinished_of(user.id)
    for trade in unfinished:
        if trade.is_overdue(now):
            trade.lapse()
        else:
            trade.call_off(CancelReason.ACCOUNT_DELETED, now=now)
    uow.reservations.release(unfinished, now)


def _apples_token(identities: list[Identity]) -> str | None:
    tokens = (each.sealed_refresh_token for each in identities if each.provider is Provider.APPLE)
    return next(tokens, None)
