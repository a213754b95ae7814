"""What the database refuses, said in the words of the domain."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kcardswap.domain.errors import Refusal, Unavailable, WriteConflict
from kcardswap.domain.posts import InterestExists
from kcardswap.domain.ratings import AlreadyRated
from kcardswap.domain.subscriptions import PurchaseTokenUsed

REFUSALS: dict[str, type[Refusal]] = {
    "uq_post_interests_post_id_user_id": InterestExists,
    "uq_ratings_rater_id_rated_user_id": AlreadyRated,
    "uq_ratings_trade_id_rater_id_rated_user_id": AlreadyRated,
    "uq_subscription_purchase_tokens_purchase_token": PurchaseTokenUsed,
}
"""Constraints that a race can hit, each with the refusal its rule has. Any other violation is a bug."""

FIRST_COMERS = {
    "uq_message_requests_pending_pair",
    "uq_users_email",
    "uq_identities_provider_subject",
    "uq_device_tokens_fcm_token_hash",
    "uq_notifications_event_id_user_id_type",
    "uq_photocards_match_key",
    "uq_wishlist_items_user_id_photocard_id",
}
"""Constraints whose loser only came second at making the same thing: it tries again and finds that."""

SERIALIZATION_FAILURES = {"40001", "40P01"}
# Lock and statement time-outs, and everything a server says while it stops or is out of connections.
UNAVAILABLE_STATES = {"55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03"}


def translate(error: Exception) -> Exception:
    """Return what ``error`` of the database means to callers, or ``error`` itself when it is a bug."""
    if isinstance(error, PoolTimeout):
        return Unavailable("database")
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error, IntegrityError):
        return _meaning_of_violation(error)
    state = getattr(error.orig, "pgcode", None)
    if state in SERIALIZATION_FAILURES:
        return WriteConflict()
    if state in UNAVAILABLE_STATES or error.connection_invalidated or _never_connected(error):
        return Unavailable("database")
    return error


def _meaning_of_violation(error: IntegrityError) -> Exception:
    constraint = getattr(error.orig.diag, "constraint_name", None) or ""  # type: ignore[union-attr]
    if constraint in FIRST_COMERS:
        return WriteConflict()
    refusal = REFUSALS.get(constraint)
    return error if refusal is None else refusal()


def _never_connected(error: DBAPIError) -> bool:
    # A refused or lost connection has no SQLSTATE; psycopg2 calls all of them OperationalError.
    return type(error.orig).__name__ in ("OperationalError", "InterfaceError") and not getattr(
        error.orig, "pgcode", None
    )


@contextmanager
def translated_failures() -> Iterator[None]:
    """Run a block whose database errors leave as refusals where they have a meaning."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        meaning = translate(error)
        if meaning is error:
            raise
        raise meaning from error
