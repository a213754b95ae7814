"""Subscriptions: the purchases a store vouches for, and the plan a person has because of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, InvalidRequest, Unavailable, ValidationFailed
from kcardswap.domain.quotas import Plan

CHECK_PAUSE = timedelta(minutes=2)
CHECK_PAUSE_MAX = timedelta(hours=1)
ACKNOWLEDGE_PAUSE = timedelta(minutes=10)
PENDING_PAUSE = timedelta(hours=1)
NEAR_EXPIRY = timedelta(hours=1)
NEAR_EXPIRY_PAUSE = timedelta(minutes=15)
DAILY = timedelta(days=1)
"""How long a refund may stay unnoticed while nobody tells us: every live purchase is asked for once a day."""
ACKNOWLEDGE_ALARM = timedelta(hours=48)
"""Google refunds what is not acknowledged within three days; this leaves one day to act."""


class SubscriptionStatus(StrEnum):
    """Where a person's subscription stands."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    PENDING = "pending"


TRANSITIONS: Mapping[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    SubscriptionStatus.INACTIVE: frozenset(
        {SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE, SubscriptionStatus.EXPIRED}
    ),
    SubscriptionStatus.PENDING: frozenset(
        {SubscriptionStatus.ACTIVE, SubscriptionStatus.EXPIRED, SubscriptionStatus.INACTIVE}
    ),
    SubscriptionStatus.ACTIVE: frozenset(
        {SubscriptionStatus.EXPIRED, SubscriptionStatus.INACTIVE, SubscriptionStatus.PENDING}
    ),
    SubscriptionStatus.EXPIRED: frozenset(
        {SubscriptionStatus.ACTIVE, SubscriptionStatus.INACTIVE, SubscriptionStatus.PENDING}
    ),
}
"""What may follow what. Answers of a store arrive late, so a state in between may never be seen.

A refund leads back to inactive, or to pending at once when another purchase is pending.
"""


class SubscriptionSource(StrEnum):
    """Where subscriptions are paid."""

    GOOGLE_PLAY = "google_play"


class Platform(StrEnum):
    """The kind of device a purchase was made on."""

    ANDROID = "android"
    IOS = "ios"


class PaymentState(StrEnum):
    """What the store last said of a purchase."""

    PENDING = "pending"
    PENDING_CANCELED = "pending_canceled"
    ACTIVE = "active"
    CANCELED = "canceled"
    IN_GRACE_PERIOD = "in_grace_period"
    ON_HOLD = "on_hold"
    PAUSED = "paused"
    EXPIRED = "expired"
    REVOKED = "revoked"


PAID = frozenset({PaymentState.ACTIVE, PaymentState.CANCELED, PaymentState.IN_GRACE_PERIOD})
"""States that entitle until the expiry: paid, paid but not to be renewed, and payment overdue for a while."""
RESUMABLE = frozenset({PaymentState.ON_HOLD, PaymentState.PAUSED})
"""States that entitle to nothing now, and may become paid again by themselves."""
OVER = PAID | RESUMABLE | {PaymentState.EXPIRED, PaymentState.REVOKED}
"""States of purchases that were paid once."""


class UnsupportedPlatform(InvalidRequest):
    """Purchases of this platform cannot be verified."""

    message = "Purchases of this platform are not supported."
    reason = "unsupported_platform"


class PurchaseTokenUsed(Conflict):
    """The purchase belongs to another account."""

    message = "This purchase is used by another account."
    reason = "purchase_token_used"


class PurchaseUnknown(ValidationFailed):
    """The store knows no such purchase of this app."""

    def __init__(self) -> None:
        super().__init__("purchase_token", "The store knows no such purchase.", "unknown")


class ProductMismatch(ValidationFailed):
    """The purchase is one of another product than the request says, or of none that is sold here."""

    def __init__(self) -> None:
        super().__init__("product_id", "The purchase is not one of this product.", "mismatch")


class StoreUnavailable(Unavailable):
    """The store that sells subscriptions does not answer."""

    def __init__(self) -> None:
        super().__init__("google_play")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseBound(Event):
    """A purchase was tied to an account, for ever."""

    aggregate: ClassVar[str] = "purchase"
    purchase_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionActivated(Event):
    """Somebody has premium from now on."""

    aggregate: ClassVar[str] = "subscription"
    subscription_id: UUID
    user_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionExpired(Event):
    """Somebody no longer has premium: its time is over, or it was refunded."""

    aggregate: ClassVar[str] = "subscription"
    subscription_id: UUID
    user_id: UUID
    refunded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAnswer:
    """What a store says of one purchase.

    ``product_ids`` are all products it is for, ``product_id`` the one of ours that lasts longest,
    ``replaces`` the token of the purchase this one took the place of.
    """

    state: PaymentState
    product_id: str
    product_ids: frozenset[str]
    purchased_at: datetime | None
    expires_at: datetime | None
    acknowledged: bool
    replaces: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class Purchase(Aggregate):
    """One purchase token: whose it is, and what the store last said of it.

    Checks are numbered as they begin. An answer counts only if no check that began later was answered
    before, so answers that overtake each other never bring an older state back, whatever the clocks of
    several machines say.
    """

    id: UUID
    user_id: UUID
    purchase_token: str = field(repr=False)
    product_id: str
    platform: Platform
    payment_state: PaymentState | None
    purchased_at: datetime | None
    expires_at: datetime | None
    acknowledged_at: datetime | None
    last_verified_at: datetime | None
    next_check_at: datetime | None
    checks: int
    answered_check: int
    raw_payload: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    updated_at: datetime

    @classmethod
    def bind(
        cls,
        *,
        id: UUID,
        user_id: UUID,
        purchase_token: str,
        product_id: str,
        platform: Platform,
        now: datetime,
    ) -> "Purchase":
        """Return a purchase tied to the account that showed it first; the store was not asked yet."""
        purchase = cls(
            id=id,
            user_id=user_id,
            purchase_token=purchase_token,
            product_id=product_id,
            platform=platform,
            payment_state=None,
            purchased_at=None,
            expires_at=None,
            acknowledged_at=None,
            last_verified_at=None,
            next_check_at=None,
            checks=0,
            answered_check=0,
            raw_payload={},
            created_at=now,
            updated_at=now,
        )
        purchase.record(PurchaseBound(purchase_id=id, user_id=user_id))
        return purchase

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the account the purchase belongs to.

        :raises PurchaseTokenUsed: anybody else.
        """
        if user_id != self.user_id:
            raise PurchaseTokenUsed()

    def begin_check(self, now: datetime) -> int:
        """Return the number of a check that begins now.

        Until it is answered the next one is due after a pause that doubles each time, up to an hour.
        """
        unanswered = self.checks - self.answered_check
        self.checks += 1
        self.next_check_at = now + min(CHECK_PAUSE * 2 ** min(unanswered, 10), CHECK_PAUSE_MAX)
        return self.checks

    def answer(self, answer: StoreAnswer, *, check: int, now: datetime) -> None:
        """Take over what the store answered to a check, unless a later check was answered already."""
        if check <= self.answered_check:
            return
        self.payment_state = self._state_after(answer)
        self.product_id = answer.product_id
        self.purchased_at = answer.purchased_at
        self.expires_at = answer.expires_at
        self.raw_payload = answer.payload
        # The store's word decides, also when it lost ours: it is the one that takes the money back.
        self.acknowledged_at = (self.acknowledged_at or now) if answer.acknowledged else None
        self._close_check(check, now)
        self.next_check_at = self._due_after(now)

    def _state_after(self, answer: StoreAnswer) -> PaymentState:
        if answer.state is not PaymentState.EXPIRED:
            return answer.state
        # The store has no word for a refund: it ends the purchase before the time that was paid for.
        cut_short = self.payment_state in (PaymentState.ACTIVE, PaymentState.CANCELED) and (
            _lasts_until(answer) < _lasts_until(self)
        )
        return (
            PaymentState.REVOKED if cut_short or self.payment_state is PaymentState.REVOKED else answer.state
        )

    def miss(self, *, check: int, now: datetime) -> None:
        """Note that the store knows no such purchase; what it said before holds until it runs out."""
        if check <= self.answered_check:
            return
        self._close_check(check, now)
        self.next_check_at = now + DAILY if self.entitles_at(now) else None

    def _close_check(self, check: int, now: datetime) -> None:
        self.answered_check = check
        self.last_verified_at = now

    def _due_after(self, now: datetime) -> datetime | None:
        if self.needs_acknowledgement:
            return now + ACKNOWLEDGE_PAUSE
        if self.payment_state is PaymentState.PENDING:
            return now + PENDING_PAUSE
        if self.payment_state in PAID and self.expires_at is not None:
            return min(now + DAILY, max(now + NEAR_EXPIRY_PAUSE, self.expires_at - NEAR_EXPIRY))
        return now + DAILY if self.payment_state in RESUMABLE else None

    def acknowledge(self, now: datetime) -> None:
        """Note that the store was told that the purchase was delivered."""
        if self.acknowledged_at is None:
            self.acknowledged_at = now
            self.next_check_at = self._due_after(now)

    @property
    def needs_acknowledgement(self) -> bool:
        """Tell whether the store still has to be told that the purchase was delivered."""
        return self.payment_state in PAID and self.acknowledged_at is None

    @property
    def is_settled(self) -> bool:
        """Tell whether the store answered once and waits for nothing from us."""
        return self.last_verified_at is not None and not self.needs_acknowledgement

    def entitles_at(self, moment: datetime) -> bool:
        """Tell whether this purchase gives premium at ``moment``."""
        return self.payment_state in PAID and self.expires_at is not None and self.expires_at > moment


@dataclass(eq=False, kw_only=True)
class Subscription(Aggregate):
    """What all purchases of one person come to: premium as long as the best of them lasts."""

    id: UUID
    user_id: UUID
    plan: Plan
    status: SubscriptionStatus
    started_at: datetime | None
    expires_at: datetime | None
    source: SubscriptionSource
    version: int
    created_at: datetime
    updated_at: datetime

    def settle(self, purchases: Iterable[Purchase], now: datetime) -> None:
        """Bring the subscription in line with everything the store said about this person's purchases."""
        # By the one that lasts longest, so that a refund of one takes nothing from another.
        known = sorted(purchases, key=_lasts_until, reverse=True)
        best = next((purchase for purchase in known if purchase.entitles_at(now)), None)
        last = next((purchase for purchase in known if purchase.payment_state in OVER), None)
        if best is not None:
            self._activate(best, now)
        elif last is not None and last.payment_state is not PaymentState.REVOKED:
            self._lapse(SubscriptionStatus.EXPIRED, last)
        elif any(purchase.payment_state is PaymentState.PENDING for purchase in known):
            self._lapse(SubscriptionStatus.PENDING)
        else:
            self._lapse(SubscriptionStatus.INACTIVE)

    def expire(self, now: datetime) -> bool:
        """End an active subscription whose time is over; tell whether this one was."""
        over = (
            self.status is SubscriptionStatus.ACTIVE
            and self.expires_at is not None
            and self.expires_at <= now
        )
        if over:
            self.plan, self.status = Plan.FREE, SubscriptionStatus.EXPIRED
            self._record_end(refunded=False)
        return over

    def _activate(self, best: Purchase, now: datetime) -> None:
        assert best.expires_at is not None
        self.expires_at = best.expires_at
        if self.status is SubscriptionStatus.ACTIVE:
            return
        self.plan, self.status = Plan.PREMIUM, SubscriptionStatus.ACTIVE
        self.started_at = best.purchased_at or now
        self.record(
            SubscriptionActivated(subscription_id=self.id, user_id=self.user_id, expires_at=best.expires_at)
        )

    def _lapse(self, status: SubscriptionStatus, last: Purchase | None = None) -> None:
        was_active = self.status is SubscriptionStatus.ACTIVE
        self.plan, self.status = Plan.FREE, status
        self.started_at = None if last is None else last.purchased_at
        self.expires_at = None if last is None else last.expires_at
        if was_active:
            self._record_end(refunded=status is not SubscriptionStatus.EXPIRED)

    def _record_end(self, *, refunded: bool) -> None:
        self.record(SubscriptionExpired(subscription_id=self.id, user_id=self.user_id, refunded=refunded))


def _lasts_until(of: Purchase | StoreAnswer) -> datetime:
    return of.expires_at or datetime.min.replace(tzinfo=UTC)
