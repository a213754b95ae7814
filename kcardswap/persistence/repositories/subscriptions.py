"""Repositories of subscriptions and of the purchases behind them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.quotas import Plan
from kcardswap.domain.subscriptions import Purchase, Subscription, SubscriptionSource, SubscriptionStatus
from kcardswap.persistence.orm.subscriptions import purchase_tokens, subscriptions
from kcardswap.persistence.repositories.base import Repository


class SubscriptionRepository(Repository[Subscription]):
    """One subscription per person; its lock goes before those of the person's purchases."""

    entity = Subscription
    table = subscriptions

    def lock_of(self, user_id: UUID, *, new_id: UUID, now: datetime) -> Subscription:
        """Return a person's subscription, locked; somebody who never had one gets an inactive one."""
        found = self._one(subscriptions.c.user_id == user_id, lock=True)
        if found is None:
            self._start(user_id, new_id, now)
            found = self._one(subscriptions.c.user_id == user_id, lock=True)
        assert found is not None, "it was just made, and only the erasure of an account deletes it"
        return found

    def _start(self, user_id: UUID, new_id: UUID, now: datetime) -> None:
        statement = insert(subscriptions).values(
            id=new_id,
            user_id=user_id,
            plan=Plan.FREE,
            status=SubscriptionStatus.INACTIVE,
            source=SubscriptionSource.GOOGLE_PLAY,
            version=1,
            created_at=now,
            updated_at=now,
        )
        # A parallel call may be doing the same; whoever is second waits here for the first.
        self.session.execute(statement.on_conflict_do_nothing(constraint="uq_subscriptions_user_id"))

    def claim_over(self, now: datetime, *, limit: int) -> list[Subscription]:
        """Lock up to ``limit`` active subscriptions whose time is over, but none that others lock."""
        statement = (
            select(Subscription)
            .where(subscriptions.c.status == SubscriptionStatus.ACTIVE, subscriptions.c.expires_at <= now)
            .order_by(subscriptions.c.expires_at, subscriptions.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)


class PurchaseRepository(Repository[Purchase]):
    """Every purchase that was ever shown to us."""

    entity = Purchase
    table = purchase_tokens

    def with_token(self, purchase_token: str) -> Purchase | None:
        """Return the purchase with this token, locked, whoever's it is."""
        return self._one(purchase_tokens.c.purchase_token == purchase_token, lock=True)

    def lock_known_of(self, user_id: UUID, *, besides: UUID) -> list[Purchase]:
        """Return what the store knows of a person's purchases, and ``besides``, locked in id order."""
        statement = (
            select(Purchase)
            .where(
                purchase_tokens.c.user_id == user_id,
                or_(purchase_tokens.c.payment_state.is_not(None), purchase_tokens.c.id == besides),
            )
            .order_by(purchase_tokens.c.id)
        )
        return self._all(statement, lock=True)

    def claim_due(self, now: datetime, *, limit: int) -> list[Purchase]:
        """Lock up to ``limit`` purchases the store is to be asked about, but none that others lock."""
        statement = (
            select(Purchase)
            .where(purchase_tokens.c.next_check_at <= now)
            .order_by(purchase_tokens.c.next_check_at, purchase_tokens.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)

    def check_soon(self, purchase_token: str, *, now: datetime) -> None:
        """Have the store asked about a purchase with the next run, if it is known here."""
        statement = update(purchase_tokens).where(purchase_tokens.c.purchase_token == purchase_token)
        self.session.execute(statement.values(next_check_at=now, updated_at=now))
