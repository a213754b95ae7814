"""Signing in with an identity provider; the first time, this makes the account."""

import hashlib
import hmac
from datetime import datetime

import structlog

from kcardswap.domain.accounts import (
    AccountSuspended,
    AppleUnavailable,
    EmailTaken,
    Identity,
    InvalidAppleToken,
    Provider,
    User,
    normalise_email,
)
from kcardswap.domain.errors import ValidationFailed, WriteConflict
from kcardswap.domain.profiles import Profile
from kcardswap.gateways.identity import IdentityProviders, VerifiedIdentity
from kcardswap.gateways.sealing import Sealer
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.accounts.opening import (
    Device,
    SignedIn,
    SignInPolicy,
    open_session,
    refuse_if_suspended,
)

TOKEN_FIELDS = {Provider.GOOGLE: "google_token", Provider.APPLE: "identity_token"}
log = structlog.get_logger(__name__)


def sign_in_with_google(
    uow: UnitOfWork, policy: SignInPolicy, providers: IdentityProviders, *, id_token: str, device: Device
) -> SignedIn:
    """Open a session for the person a Google ID token is about.

    :raises InvalidGoogleToken: the token does not pass verification.
    :raises EmailTaken: another account has the e-mail address.
    :raises AccountSuspended: a suspension is running.
    """
    return _sign_in(uow, policy, providers.verify(id_token, now=uow.clock.now()), device)


def sign_in_with_google_code(
    uow: UnitOfWork,
    policy: SignInPolicy,
    providers: IdentityProviders,
    *,
    code: str,
    code_verifier: str | None,
    redirect_uri: str | None,
    device: Device,
) -> SignedIn:
    """Open a session for the person who let Google send this code.

    :raises RedirectUriNotAllowed: the code went to an address that is none of ours.
    :raises InvalidGoogleToken: Google does not take the code, or what it gives does not pass verification.
    :raises GoogleUnavailable: Google cannot be asked.
    :raises EmailTaken: another account has the e-mail address.
    :raises AccountSuspended: a suspension is running.
    """
    id_token = providers.google_codes.redeem(code, code_verifier=code_verifier, redirect_uri=redirect_uri)
    return _sign_in(uow, policy, providers.google.verify(id_token, now=uow.clock.now()), device)


def sign_in_with_apple(
    uow: UnitOfWork,
    policy: SignInPolicy,
    providers: IdentityProviders,
    sealer: Sealer,
    *,
    identity_token: str,
    authorization_code: str | None,
    nonce: str | None,
    device: Device,
) -> SignedIn:
    """Open a session for the person an identity token of Apple is about.

    The code is exchanged for Apple's refresh token, which is kept sealed until the account is deleted;
    when that fails the person is signed in all the same.

    :raises InvalidAppleToken: the token does not pass verification.
    :raises AppleUnavailable: it is not set up, or Apple's keys were never fetched and cannot be.
    :raises EmailTaken: another account has the e-mail address.
    :raises AccountSuspended: a suspension is running.
    """
    identity = providers.apple.verify(identity_token, nonce=nonce, now=uow.clock.now())
    signed_in = _sign_in(uow, policy, identity, device)
    if authorization_code is not None:
        try:
            token = providers.apple.redeem(authorization_code, identity, now=uow.clock.now())
            if not _keep_provider_token(uow, identity, sealer.seal(token)):
                # They left meanwhile, and nobody would revoke it later.
                providers.apple.revoke(token, now=uow.clock.now())
        except (AppleUnavailable, InvalidAppleToken) as error:
            log.warning("apple_code_not_exchanged", error=type(error).__name__)
    return signed_in


def _keep_provider_token(uow: UnitOfWork, identity: VerifiedIdentity, sealed: str) -> bool:
    with uow:
        link = uow.identities.find_by_subject(identity.provider, identity.subject, lock=True)
        if link is None:
            return False
        link.sealed_refresh_token = sealed
        uow.commit()
        return True


def _sign_in(uow: UnitOfWork, policy: SignInPolicy, identity: VerifiedIdentity, device: Device) -> SignedIn:
    with uow:
        now = uow.clock.now()
        link = uow.identities.find_by_subject(identity.provider, identity.subject)
        if link is None:
            # Only now: a suspended person who leaves takes the link away and puts up the bar in one.
            _refuse_if_denied(uow, policy, identity, now)
            user = _register(uow, identity)
        else:
            user = _owner(uow, link)
        refuse_if_suspended(uow, policy, user, now)
        profile = uow.profiles.find_by_user(user.id, lock=True)
        if profile is None:
            profile = Profile.blank(id=uow.new_id(), user_id=user.id, now=now)
            uow.profiles.add(profile)
        profile.fill_empty(nickname=identity.name, avatar_url=identity.picture)
        signed_in = open_session(uow, policy, user, device)
        uow.commit()
        return signed_in


def _owner(uow: UnitOfWork, link: Identity) -> User:
    user = uow.users.get(link.user_id, lock=True)
    if user.is_deleted:
        # They left a moment ago, and the link went with them; the next try makes a new account.
        raise WriteConflict()
    return user


def _register(uow: UnitOfWork, identity: VerifiedIdentity) -> User:
    now = uow.clock.now()
    email = _email_or_refuse(identity)
    if email is not None and uow.users.find_by_email(email) is not None:
        if uow.identities.find_by_subject(identity.provider, identity.subject) is not None:
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
            provider=identity.provider,
            subject=identity.subject,
            email=email,
            sealed_refresh_token=None,
            created_at=now,
            updated_at=now,
        )
    )
    uow.flush()
    return user


def _email_or_refuse(identity: VerifiedIdentity) -> str | None:
    try:
        return None if identity.email is None else normalise_email(identity.email)
    except ValidationFailed as error:
        field = TOKEN_FIELDS[identity.provider]
        raise ValidationFailed(field, "The token carries no usable e-mail address.") from error


def _refuse_if_denied(
    uow: UnitOfWork, policy: SignInPolicy, identity: VerifiedIdentity, now: datetime
) -> None:
    subject_hash = denial_hash(policy.hash_pepper, identity.provider, identity.subject)
    denial = uow.identities.denied_until(identity.provider, subject_hash, now)
    if denial is not None:
        raise AccountSuspended(suspended_until=denial[0])


def denial_hash(pepper: str, provider: Provider, subject: str) -> str:
    """Return the keyed hash under which a barred identity is remembered after its account is gone."""
    return hmac.new(pepper.encode(), f"{provider}:{subject}".encode(), hashlib.sha256).hexdigest()
