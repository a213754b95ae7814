"""Premium: taking in purchases, asking the store about them, and ending what is over."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.subscriptions import (
    Platform,
    ProductMismatch,
    Purchase,
    PurchaseUnknown,
    StoreAnswer,
    StoreUnavailable,
    Subscription,
    UnsupportedPlatform,
)
from kcardswap.gateways.ports import PlayStore
from kcardswap.persistence.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question to the store that was announced in the database before it is asked."""

    purchase_id: UUID
    user_id: UUID
    number: int
    purchase_token: str = field(repr=False)


def verify_receipt(
    uow: UnitOfWork,
    store: PlayStore,
    *,
    user_id: UUID,
    purchase_token: str,
    product_id: str,
    platform: Platform,
) -> None:
    """Tie a purchase to an account and give the account what the store says it is worth now.

    The first account that shows a token keeps it, whatever the store answers. A store that knows
    nothing of it takes nothing away either.

    :raises UnsupportedPlatform: purchases of this platform cannot be verified.
    :raises PurchaseTokenUsed: it is another account's.
    :raises PurchaseUnknown: the store knows no such purchase.
    :raises ProductMismatch: it is one of another product.
    :raises StoreUnavailable: the store does not answer; the purchase is tied and checked again later.
    """
    if platform is not Platform.ANDROID:
        raise UnsupportedPlatform()
    check = _bind(
        uow, user_id=user_id, purchase_token=purchase_token, product_id=product_id, platform=platform
    )
    answer = _ask(uow, store, check)
    if product_id not in answer.product_ids:
        # The purchase itself is good: the next run of the job takes it over under its own name.
        raise ProductMismatch()
    _take_over(uow, store, check, answer)


def _bind(
    uow: UnitOfWork, *, user_id: UUID, purchase_token: str, product_id: str, platform: Platform
) -> Check:
    with uow:
        now = uow.clock.now()
        # Also lines up parallel calls of one account, so that only other accounts meet the constraint.
        uow.subscriptions.lock_of(user_id, new_id=uow.new_id(), now=now)
        purchase = uow.purchases.with_token(purchase_token)
        if purchase is None:
            purchase = Purchase.bind(
                id=uow.new_id(),
                user_id=user_id,
                purchase_token=purchase_token,
                product_id=product_id,
                platform=platform,
                now=now,
            )
            uow.purchases.add(purchase)
        purchase.refuse_others(user_id)
        check = _announce(uow, purchase)
        uow.commit()
        return check


def _announce(uow: UnitOfWork, purchase: Purchase) -> Check:
    return Check(
        purchase_id=purchase.id,
        user_id=purchase.user_id,
        number=purchase.begin_check(uow.clock.now()),
        purchase_token=purchase.purchase_token,
    )


def begin_due_checks(uow: UnitOfWork, *, limit: int) -> list[Check]:
    """Announce up to ``limit`` checks that are due; any number of callers may do so at once.

    Each is due again after a pause, so one that is never carried out is not lost.
    """
    with uow:
        due = uow.purchases.claim_due(uow.clock.now(), limit=limit)
        checks = [_announce(uow, purchase) for purchase in due]
        uow.commit()
        return checks


def carry_out(uow: UnitOfWork, store: PlayStore, check: Check) -> bool:
    """Ask the store what a purchase is worth now; tell whether it knows the purchase.

    :raises StoreUnavailable: the store does not answer.
    """
    try:
        answer = _ask(uow, store, check)
    except (PurchaseUnknown, ProductMismatch):
        return False
    _take_over(uow, store, check, answer)
    return True


def time_to_settlement(uow: UnitOfWork, *, purchase_id: UUID) -> timedelta | None:
    """Return how long it takes until the store is asked again about a purchase that is not settled.

    None when the store said what it is and knows that it was delivered, if that is what it waits for.
    """
    with uow:
        purchase = uow.purchases.find(purchase_id)
        now = uow.clock.now()
        if purchase is None or purchase.is_settled or purchase.next_check_at is None:
            return None
        return max(purchase.next_check_at - now, timedelta(0))


def _ask(uow: UnitOfWork, store: PlayStore, check: Check) -> StoreAnswer:
    try:
        return store.subscription(check.purchase_token)
    except (PurchaseUnknown, ProductMismatch):
        _note_miss(uow, check)
        raise


def _note_miss(uow: UnitOfWork, check: Check) -> None:
    with uow:
        purchase = uow.purchases.get(check.purchase_id, lock=True)
        purchase.miss(check=check.number, now=uow.clock.now())
        uow.commit()


def _take_over(uow: UnitOfWork, store: PlayStore, check: Check, answer: StoreAnswer) -> None:
    if _store_answer(uow, check, answer):
        # Premium holds whether or not this works; the job tells the store until it has heard.
        with suppress(StoreUnavailable, PurchaseUnknown):
            store.acknowledge(check.purchase_token, answer.product_id)
            _note_acknowledgement(uow, check)


def _store_answer(uow: UnitOfWork, check: Check, answer: StoreAnswer) -> bool:
    """Store what the store said and tell whether it waits to hear that the purchase was delivered."""
    with uow:
        now = uow.clock.now()
        subscription = uow.subscriptions.lock_of(check.user_id, new_id=uow.new_id(), now=now)
        purchases = uow.purchases.lock_known_of(check.user_id, besides=check.purchase_id)
        purchase = next(each for each in purchases if each.id == check.purchase_id)
        purchase.answer(answer, check=check.number, now=now)
        subscription.settle(purchases, now)
        if answer.replaces is not None:
            uow.flush()
            uow.purchases.check_soon(answer.replaces, now=now)
        uow.commit()
        return purchase.needs_acknowledgement


def _note_acknowledgement(uow: UnitOfWork, check: Check) -> None:
    with uow:
        uow.purchases.get(check.purchase_id, lock=True).acknowledge(uow.clock.now())
        uow.commit()


def expire_over(uow: UnitOfWork, *, limit: int, by: UUID | None = None) -> int:
    """End up to ``limit`` subscriptions whose time is over and return how many.

    What an administrator (``by``) asks for is in the audit log. Repeats safely, and any number of callers
    may do so at once: each leaves out what others claimed.
    """
    with uow:
        now = uow.clock.now()
        ended = [each for each in uow.subscriptions.claim_over(now, limit=limit) if each.expire(now)]
        if by is not None:
            _note_ended(uow, ended, by)
        uow.commit()
        return len(ended)


def _note_ended(uow: UnitOfWork, ended: Iterable[Subscription], by: UUID) -> None:
    for each in ended:
        uow.audit.write(
            actor_id=by,
            action=AuditAction.EXPIRE_SUBSCRIPTION,
            target_type="subscription",
            target_id=each.id,
            details={"user_id": each.user_id},
        )
