"""Lists of moderators, and what people see of their own reports and sanctions."""

from typing import Any

from kcardswap.commands.bench.lists.arguments import Arguments, of, person
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import PROBES
from kcardswap.domain.accounts import Role, UserStatus
from kcardswap.domain.reports import ReportStatus
from kcardswap.queries import moderation


def _always(**given: Any) -> Arguments:
    return lambda world, probe: given


def _filtered(key: str, first: int = 0) -> Arguments:
    """Return how somebody asks for the rows that name a person, the probes or those after ``first``."""
    return lambda world, probe: {"filters": {key: person(first + probe)}}


# Unfiltered, the lists of people, reports and the log count everything there is, and the start of a nickname
# everybody called so; that takes as long as there is much of it.
MODERATION = (
    Listing(
        "GET /reports",
        "",
        moderation.reports_by,
        of()(reporter_id=person),
        Paging.OFFSET,
    ),
    Listing(
        "GET /account/sanctions",
        "",
        moderation.sanctions_of,
        of()(user_id=person),
    ),
    Listing(
        "GET /admin/reports",
        "open ones",
        moderation.reports_to_settle,
        _always(filters={"status": ReportStatus.PENDING}),
        Paging.OFFSET,
    ),
    Listing(
        "GET /admin/reports",
        "about a person",
        moderation.reports_to_settle,
        _filtered("reported_user_id", first=PROBES),
    ),
    *(
        Listing("GET /admin/appeals", what, moderation.appeals, _always(waiting=waiting), Paging.OFFSET)
        for what, waiting in (("open ones", True), ("decided ones", False))
    ),
    Listing(
        "GET /admin/users",
        "by id",
        moderation.people,
        lambda world, probe: {"filters": {}, "q": str(person(probe))},
    ),
    *(
        Listing("GET /admin/users", what, moderation.people, _always(filters=filters, q=None))
        for what, filters in (
            ("administrators", {"role": Role.ADMIN}),
            ("suspended ones", {"status": UserStatus.SUSPENDED}),
        )
    ),
    Listing(
        "GET /admin/audit-log",
        "of an administrator",
        moderation.audit_entries,
        _filtered("actor_id"),
        Paging.OFFSET,
    ),
    Listing("GET /admin/audit-log", "about a person", moderation.audit_entries, _filtered("target_id")),
)
