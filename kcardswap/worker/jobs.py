"""The periodic jobs: the schedule of the workers and ``flask jobs run`` share these functions.

Each does everything there is to do and says what it did. It may run at any time, on any number of machines
at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from kcardswap.domain.media import StorageUnavailable
from kcardswap.domain.subscriptions import ACKNOWLEDGE_ALARM, StoreUnavailable
from kcardswap.queries.subscriptions import unacknowledged_since
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import (
    accounts,
    conversations,
    moderation,
    posts,
    records,
    subscriptions,
    trades,
    uploads,
)

BATCH = 100
RECORDS = 500
MESSAGES = 1000
CHECKS = 20
ERASURES = 20
MISSES_IN_A_ROW = 3
EVERYTHING = 1_000_000
log = structlog.get_logger(__name__)


class JobFailed(Exception):
    """A job could not do all of its work; the message says what it did. The next run goes on."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Periodic work and when it is done: at intervals, or each day at a time of the zone quotas have."""

    run: Callable[..., str]
    """Takes the runtime and returns a sentence; its docstring says what the job is for."""
    every: timedelta = timedelta(days=1)
    at: time | None = None

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return when a run that begins at ``moment`` is followed by the next."""
        if self.at is None:
            return moment + self.every
        local = moment.astimezone(zone)
        today = datetime.combine(local, self.at, zone)
        return (today if today > local else today + timedelta(days=1)).astimezone(moment.tzinfo)


def cancel_overdue_trades(runtime: Runtime) -> str:
    """Cancel swaps past their deadline and free their cards."""
    return f"Canceled {_all_of(runtime, trades.cancel_overdue)} overdue trades."


def expire_posts(runtime: Runtime) -> str:
    """Store of open posts that their time is over."""
    return f"Expired {_all_of(runtime, posts.expire_overdue)} posts."


def expire_subscriptions(runtime: Runtime) -> str:
    """End the subscriptions whose time is over."""
    return f"Ended {_all_of(runtime, subscriptions.expire_over)} subscriptions."


def lift_suspensions(runtime: Runtime) -> str:
    """End the suspensions whose time is over."""
    return f"Lifted {_all_of(runtime, moderation.lift_over)} suspensions."


def verify_purchases(runtime: Runtime) -> str:
    """Ask the store about purchases whose state may have changed, and tell it which were delivered."""
    if runtime.settings.google_play_package_name is None:
        return "Google Play is not configured; there is nothing to verify."
    verified, unknown, failed = _carry_out_checks(runtime)
    with runtime.database.reader() as connection:
        late = unacknowledged_since(connection, before=runtime.clock.now() - ACKNOWLEDGE_ALARM)
    if late:
        log.error("purchases_not_acknowledged", purchases=late)
    done = f"Verified {verified} purchases; {unknown} unknown, {failed} failed, {late} late."
    if failed or late:
        raise JobFailed(done)
    return done


def _carry_out_checks(runtime: Runtime) -> tuple[int, int, int]:
    """Return how many checks went well, found nothing and failed; it stops when the store seems down."""
    verified = unknown = failed = in_a_row = 0
    while checks := subscriptions.begin_due_checks(runtime.unit_of_work(), limit=CHECKS):
        for check in checks:
            try:
                known = subscriptions.carry_out(runtime.unit_of_work(), runtime.play_store, check)
            except StoreUnavailable:
                failed, in_a_row = failed + 1, in_a_row + 1
                if in_a_row == MISSES_IN_A_ROW:
                    return verified, unknown, failed
            else:
                verified, unknown, in_a_row = verified + known, unknown + (not known), 0
    return verified, unknown, failed


def erase_accounts(runtime: Runtime) -> str:
    """Erase what deleted accounts left behind, where the time has come, and tell Apple."""
    outside = accounts.Erasing(runtime.storage, runtime.identity_providers.apple, runtime.sealer)
    erased = failed = 0
    while due := retrying(lambda: accounts.claim_due(runtime.unit_of_work(), limit=ERASURES)):
        for user_id in due:
            try:
                erased += retrying(partial(accounts.erase, runtime.unit_of_work(), outside, user_id=user_id))
            except Exception as error:
                # Whatever stops one erasure has to stop no other; this one comes again by itself.
                log.error("account_not_erased", error=type(error).__name__, exc_info=True)
                accounts.note_failure(runtime.unit_of_work(), user_id=user_id, error=error)
                failed += 1
    if failed:
        raise JobFailed(f"Erased {erased} accounts; {failed} failed.")
    return f"Erased {erased} accounts."


def purge_uploads(runtime: Runtime, *, dry_run: bool = False) -> str:
    """Remove pictures that never came or that nothing shows, with their objects."""
    storage = runtime.storage
    steps: dict[str, Callable[..., int]] = {
        "cards without their picture": uploads.drop_lapsed_cards,
        "uploads that never came": uploads.drop_lapsed,
        "pictures never attached": uploads.drop_unused,
        "objects of deleted pictures": partial(uploads.remove_objects, storage=storage),
        "rows of deleted pictures": uploads.forget_deleted,
    }
    try:
        counts = {name: _counted(runtime, step, dry_run=dry_run) for name, step in steps.items()}
        counts["objects of no picture"] = uploads.remove_strays(
            runtime.unit_of_work(), storage, dry_run=dry_run
        )
    except StorageUnavailable as error:
        raise JobFailed("The object storage does not work; the next run goes on.") from error
    removed = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{'Would remove' if dry_run else 'Removed'} {removed}."


def _counted(runtime: Runtime, step: Callable[..., int], *, dry_run: bool) -> int:
    if dry_run:
        return step(runtime.unit_of_work(), limit=EVERYTHING, dry_run=True)
    return _all_of(runtime, step)


def purge_messages(runtime: Runtime) -> str:
    """Remove messages that are older than they are kept."""
    retention = runtime.settings.message_retention
    if not retention:
        return "Messages are kept for ever."
    removed = _all_of(runtime, partial(conversations.purge, older_than=retention), limit=MESSAGES)
    return f"Removed {removed} messages."


def purge_records(runtime: Runtime) -> str:
    """Remove what nobody needs any more: ended sessions, old counters, answers, events and the like."""
    counts = {
        kind.value: _all_of(runtime, partial(records.purge, kind=kind), limit=RECORDS)
        for kind in records.RecordKind
    }
    counts["deleted cards"] = _purge_cards(runtime)
    removed = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"Removed {removed}."


def _purge_cards(runtime: Runtime) -> int:
    removed, seen = 0, None
    while (page := _next_cards(runtime, seen)).last is not None:
        removed, seen = removed + page.removed, page.last
    return removed


def _next_cards(runtime: Runtime, seen: records.Place | None) -> records.PurgedPage:
    return retrying(lambda: records.purge_cards(runtime.unit_of_work(), after=seen, limit=RECORDS))


def _all_of(runtime: Runtime, step: Callable[..., int], *, limit: int = BATCH) -> int:
    """Repeat ``step`` until it finds nothing more and return how many there were."""
    done = 0
    while batch := retrying(lambda: step(runtime.unit_of_work(), limit=limit)):
        done += batch
    return done


JOBS: Mapping[str, Job] = {
    "cancel-overdue-trades": Job(run=cancel_overdue_trades, every=timedelta(minutes=5)),
    "expire-posts": Job(run=expire_posts, every=timedelta(minutes=5)),
    "expire-subscriptions": Job(run=expire_subscriptions, every=timedelta(hours=1)),
    "lift-suspensions": Job(run=lift_suspensions, every=timedelta(minutes=5)),
    "verify-purchases": Job(run=verify_purchases, every=timedelta(hours=1)),
    "erase-accounts": Job(run=erase_accounts, every=timedelta(hours=1)),
    "purge-uploads": Job(run=purge_uploads, every=timedelta(hours=1)),
    "purge-messages": Job(run=purge_messages, at=time(3)),
    "purge-records": Job(run=purge_records, at=time(4)),
}
"""Every job by the name it has on the command line."""
