"""Erasing what deleted accounts left behind: many small transactions that may be stopped anywhere.

Each step does what is still to be done and nothing twice, so the next run goes on where this one ended.
"""

from typing import NamedTuple
from uuid import UUID

import structlog

from kcardswap.domain.accounts import AppleUnavailable, InvalidAppleToken, User
from kcardswap.domain.erasure import ErasureRequest
from kcardswap.domain.media import CARD_FOLDER, MEDIA_FOLDER, ImageType, ObjectNotFound
from kcardswap.gateways.identity import AppleIdentityProvider
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.gateways.sealing import SealBroken, Sealer
from kcardswap.persistence.repositories.erasure import rules
from kcardswap.persistence.unit_of_work import UnitOfWork

PICTURES = 50
APPLE_ATTEMPTS = 12
"""How often Apple is asked to forget a token: for about nine days."""

log = structlog.get_logger(__name__)


class Erasing(NamedTuple):
    """What erasing needs of the outside world."""

    storage: ObjectStorage
    apple: AppleIdentityProvider
    sealer: Sealer


def claim_due(uow: UnitOfWork, *, limit: int) -> list[UUID]:
    """Return people whose erasure has something to do, each for this run alone for an hour or more."""
    with uow:
        now = uow.clock.now()
        due = uow.erasures.find_due(now, limit=limit)
        for request in due:
            request.claim(now)
        uow.commit()
        return [request.user_id for request in due]


def erase(uow: UnitOfWork, outside: Erasing, *, user_id: UUID) -> bool:
    """Do what is due for a deleted account; tell whether nothing of it is left.

    Apple is told at once, everything else goes when the time has come.

    :raises StorageUnavailable: the storage does not work; what was removed until then stays removed.
    :raises AppleUnavailable: Apple could not be told yet; everything else is done.
    """
    request = _request(uow, user_id)
    if request is None:
        return True
    told = _tell_apple(uow, outside, request)
    is_due = uow.clock.now() >= request.due_at
    if is_due:
        heir_id = _heir(uow, user_id)
        _erase_rows(uow, user_id, heir_id)
        _erase_pictures(uow, outside.storage, user_id, heir_id)
    if not told:
        raise AppleUnavailable()
    if not is_due:
        return False
    with uow:
        uow.erasures.forget_user(user_id)
        uow.commit()
    return True


def note_failure(uow: UnitOfWork, *, user_id: UUID, error: Exception) -> None:
    """Keep why a request is still there, for operators."""
    with uow:
        request = uow.erasures.find_by_user(user_id, lock=True)
        if request is not None:
            request.failed(type(error).__name__)
            uow.commit()


def _request(uow: UnitOfWork, user_id: UUID) -> ErasureRequest | None:
    with uow:
        return uow.erasures.find_by_user(user_id)


def _tell_apple(uow: UnitOfWork, outside: Erasing, request: ErasureRequest) -> bool:
    """Tell whether Apple knows, or need not."""
    if request.sealed_refresh_token is None:
        return True
    try:
        token = outside.sealer.open(request.sealed_refresh_token)
        outside.apple.revoke(token, now=uow.clock.now())
    except AppleUnavailable:
        if request.attempts < APPLE_ATTEMPTS:
            return False
        log.error("apple_never_told", attempts=request.attempts)
    except (InvalidAppleToken, SealBroken) as error:
        # Asking again would not change that.
        log.error("apple_token_not_revoked", error=type(error).__name__)
    with uow:
        current = uow.erasures.find_by_user(request.user_id, lock=True)
        if current is not None:
            current.provider_told()
            uow.commit()
    return True


def _heir(uow: UnitOfWork, user_id: UUID) -> UUID:
    """Return the empty account that takes the person's place, made once."""
    with uow:
        request = uow.erasures.find_by_user(user_id, lock=True)
        assert request is not None
        if request.heir_id is None:
            heir = User.nobody(id=uow.new_id(), now=uow.clock.now())
            uow.users.add(heir)
            # Across aggregates there is no relationship to order the writes by.
            uow.flush()
            request.heir_id = heir.id
            uow.commit()
        return request.heir_id


def _erase_rows(uow: UnitOfWork, user_id: UUID, heir_id: UUID) -> None:
    for rule in rules():
        more = True
        while more:
            with uow:
                more = uow.erasures.carry_out(rule, user_id=user_id, heir_id=heir_id, now=uow.clock.now())
                if more:
                    uow.commit()


def _erase_pictures(uow: UnitOfWork, storage: ObjectStorage, user_id: UUID, heir_id: UUID) -> None:
    while keys := _some_pictures(uow, user_id):
        for key in keys:
            _erase_picture(uow, storage, key, user_id, heir_id)


def _some_pictures(uow: UnitOfWork, user_id: UUID) -> list[str]:
    with uow:
        return uow.erasures.pictures_of(user_id, limit=PICTURES)


def _erase_picture(uow: UnitOfWork, storage: ObjectStorage, key: str, user_id: UUID, heir_id: UUID) -> None:
    """Remove one object of a person, or rename it when somebody got a card that shows it."""
    own_folders = (f"{CARD_FOLDER}{user_id}/", f"{MEDIA_FOLDER}{user_id}/")
    if key.startswith(own_folders):
        new_key = key.replace(str(user_id), str(heir_id))
        # A swap under way may make another copy on the old key, until nobody has one to copy from.
        while _is_shown_by_others(uow, key, user_id):
            _copy(storage, key, new_key)
            _move(uow, key, new_key, user_id)
    elif _is_shown_by_others(uow, key, user_id):
        _forget(uow, key, user_id)
        return
    storage.discard_upload(key)
    storage.remove(key)
    _move(uow, key, key.replace(str(user_id), str(heir_id)), user_id)
    _forget(uow, key, user_id)


def _is_shown_by_others(uow: UnitOfWork, key: str, user_id: UUID) -> bool:
    with uow:
        return uow.erasures.is_shown_by_others(key, user_id)


def _copy(storage: ObjectStorage, key: str, new_key: str) -> None:
    try:
        data = storage.read(key)
    except ObjectNotFound:
        # Copied and removed by a run that was stopped before its next step, or lost long ago.
        return
    type = next(each for each in ImageType if each.extension == key.rpartition(".")[2])
    storage.store(new_key, data, content_type=type.value)


def _move(uow: UnitOfWork, key: str, new_key: str, user_id: UUID) -> None:
    with uow:
        # Whoever copies a picture locks the row it is copied from.
        uow.media.on_key(key)
        if uow.erasures.move_pictures(key, new_key, besides=user_id):
            uow.commit()


def _forget(uow: UnitOfWork, key: str, user_id: UUID) -> None:
    with uow:
        uow.erasures.forget_pictures(key, user_id)
        uow.commit()
