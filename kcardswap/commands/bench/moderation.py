"""Reports, sanctions and the audit log of the benchmark's world."""

from datetime import timedelta

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.persistence.orm.moderation import audit_log, reports, sanctions

PROBE_REPORTS, OPEN_EACH = 60, 6
PROBE_SANCTIONS = 12
PROBE_ENTRIES = 60


@fills(
    reports,
    "id reporter_id reported_user_id reason status resolution note resolved_by resolved_at"
    " created_at updated_at",
    rows=lambda world: PROBES * PROBE_REPORTS + world.others,
)
def report_rows(world: World, n: int) -> Row:
    """Sixty by each probe, six of them open, and a settled one by everybody else: moderators keep up."""
    probes = PROBES * PROBE_REPORTS
    rank, reporter = divmod(n, PROBES) if n < probes else (n - probes, PROBES + n - probes)
    made = NOW - timedelta(minutes=n)
    settled: Row = ("resolved", "dismiss", "Nothing.", row_id(Kind.USER, 0), made)
    if n < probes and rank < OPEN_EACH:
        settled = ("pending", None, None, None, None)
    reported = row_id(Kind.USER, world.other(rank + 1))
    return row_id(Kind.REPORT, n), row_id(Kind.USER, reporter), reported, "spam", *settled, made, made


@fills(
    sanctions,
    "id user_id kind note starts_at appeal_note appealed_at appeal_outcome appeal_decided_at"
    " created_at updated_at",
    rows=lambda world: PROBES * PROBE_SANCTIONS + world.others // 10,
)
def sanction_rows(world: World, n: int) -> Row:
    """Twelve of each probe, a third appealed and a third decided too, and one of each tenth of the others."""
    probes = PROBES * PROBE_SANCTIONS
    person, made = (n % PROBES if n < probes else world.other(n)), NOW - timedelta(minutes=n)
    appeal = ("It was not me.", made) if n < probes and n // PROBES % 3 else (None, None)
    outcome = ("upheld", made) if n < probes and n // PROBES % 3 == 2 else (None, None)
    key, user_id = row_id(Kind.SANCTION, n), row_id(Kind.USER, person)
    return key, user_id, "warn", "Words.", made, *appeal, *outcome, made, made


@fills(
    audit_log,
    "id actor_id action target_type target_id details created_at",
    rows=lambda world: PROBES * PROBE_ENTRIES + world.people,
)
def audit_rows(world: World, n: int) -> Row:
    """Sixty by each probe, and one about everybody by the system."""
    probes = PROBES * PROBE_ENTRIES
    is_probes = n < probes
    actor, action = (
        (row_id(Kind.USER, n % PROBES), "suspend_user") if is_probes else (None, "lift_suspension")
    )
    target = world.other(n) if is_probes else n - probes
    made = NOW - timedelta(minutes=n)
    return row_id(Kind.AUDIT_ENTRY, n), actor, action, "user", row_id(Kind.USER, target), "{}", made


MODERATION = (report_rows, sanction_rows, audit_rows)
