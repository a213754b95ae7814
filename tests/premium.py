"""Premium as tests give and take it, past the store."""

from datetime import timedelta
from uuid import UUID

from kcardswap.domain.quotas import Plan
from kcardswap.domain.subscriptions import SubscriptionStatus
from kcardswap.runtime import Runtime


def make_premium(runtime: Runtime, user_id: UUID, **lasts: float) -> None:
    """Give somebody premium for a timedelta's keyword arguments, 30 days by default."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        subscription = uow.subscriptions.lock_of(user_id, new_id=uow.new_id(), now=now)
        subscription.plan, subscription.status = Plan.PREMIUM, SubscriptionStatus.ACTIVE
        subscription.expires_at = now + timedelta(**(lasts or {"days": 30}))
        uow.commit()


def end_premium(runtime: Runtime, user_id: UUID) -> None:
    """Take premium away, as a refund does."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        uow.subscriptions.lock_of(user_id, new_id=uow.new_id(), now=now).settle([], now)
        uow.commit()
