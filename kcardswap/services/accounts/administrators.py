"""Administrators: accounts with a password."""

import hashlib

from kcardswap.domain.accounts import InvalidCredentials, Role, User, normalise_email
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.profiles import Profile
from kcardswap.gateways.passwords import Passwords
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.accounts.opening import (
    Device,
    SignedIn,
    SignInPolicy,
    open_session,
    refuse_if_suspended,
)


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
        user = uow.users.get(user.id, lock=True)
        if user.password_hash != password_hash:
            # It was changed or taken away while it was looked at.
            raise InvalidCredentials()
        refuse_if_suspended(uow, policy, user, uow.clock.now())
        uow.login_throttles.lock_or_start(key, uow.clock.now()).clear()
        signed_in = open_session(uow, policy, user, device)
        uow.commit()
        return signed_in


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
