"""Repository of what people have used up of the limits of their plan."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Clock
from kcardswap.domain.quotas import DEFAULT_PLAN, STANDING, LimitKey, Period, Plan, limit, require_room
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.subscriptions import entitles_at, subscriptions

NO_LIMIT = 2**62

_amount = bindparam("amount", type_=quota_usage.c.used.type)
_allowed = bindparam("allowed", type_=quota_usage.c.used.type)
_NEW = insert(quota_usage).from_select(
    ["user_id", "limit_key", "period_start", "used", "updated_at"],
    select(
        bindparam("user_id", type_=quota_usage.c.user_id.type),
        bindparam("limit_key", type_=quota_usage.c.limit_key.type),
        bindparam("period_start", type_=quota_usage.c.period_start.type),
        _amount,
        bindparam("now", type_=quota_usage.c.updated_at.type),
    ).where(_amount <= _allowed),
)
# One statement checks and counts: the row is locked by the upsert itself, so parallel charges queue up
# and each sees the sum the one before it left.
_CHARGE = _NEW.on_conflict_do_update(
    constraint="pk_quota_usage",
    set_={"used": quota_usage.c.used + _NEW.excluded.used, "updated_at": _NEW.excluded.updated_at},
    where=quota_usage.c.used + _NEW.excluded.used <= _allowed,
).returning(quota_usage.c.used)


class QuotaRepository:
    """Counters of limits per person and period; also the locks under which other rows are counted.

    Callers take several of them in ascending order of key and period.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self.session = session
        self.clock = clock

    def plan_of(self, user_id: UUID) -> Plan:
        """Return the plan whose limits hold for this person now."""
        statement = select(subscriptions.c.plan).where(
            subscriptions.c.user_id == user_id, entitles_at(self.clock.now())
        )
        return self.session.scalar(statement) or DEFAULT_PLAN

    def charge(
        self, user_id: UUID, plan: Plan, key: LimitKey, *, amount: int, period: Period, now: datetime
    ) -> None:
        """Count ``amount`` towards a limit of ``period``; it is never given back, except by a rollback.

        :raises LimitExceeded: it does not fit any more; nothing is counted.
        """
        allowed = limit(plan, key)
        values = {
            "user_id": user_id,
            "limit_key": key.value,
            "period_start": period.start,
            "amount": amount,
            "now": now,
            "allowed": NO_LIMIT if allowed is None else allowed,
        }
        if self.session.execute(_CHARGE, values).one_or_none() is None:
            used = self.used(user_id, key, period.start)
            require_room(plan, key, used=used, wanted=amount, reset_at=period.reset_at)

    def used(self, user_id: UUID, key: LimitKey, period_start: date) -> int:
        """Return what was counted towards a limit so far."""
        statement = select(quota_usage.c.used).where(
            quota_usage.c.user_id == user_id,
            quota_usage.c.limit_key == key.value,
            quota_usage.c.period_start == period_start,
        )
        return self.session.scalar(statement) or 0

    def lock(self, user_id: UUID, key: LimitKey, *, now: datetime, period_start: date = STANDING) -> None:
        """Let nobody else count the rows behind this limit until the commit."""
        statement = (
            insert(quota_usage)
            .values(user_id=user_id, limit_key=key.value, period_start=period_start, used=0, updated_at=now)
            # Writing the same value again waits for and takes the lock, also on a row that was just made.
            .on_conflict_do_update(constraint="pk_quota_usage", set_={"used": quota_usage.c.used})
            .returning(quota_usage.c.used)
        )
        self.session.execute(statement).one()
