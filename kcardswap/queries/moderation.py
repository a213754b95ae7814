"""Reports, sanctions, people and the audit log, as those read them whom they concern."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    Uuid,
    bindparam,
    func,
    select,
    union_all,
)

from kcardswap.domain.accounts import Role, UserNotFound, UserStatus
from kcardswap.domain.reports import ReportNotFound, ReportReason, ReportStatus, ReportTarget, Resolution
from kcardswap.domain.sanctions import AppealOutcome, SanctionKind, SanctionNotFound
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.moderation import audit_log, reports, sanctions
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.keyset import Details, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.media import same_picture_card_ids_of
from kcardswap.queries.profiles import completed_trades_of
from kcardswap.queries.ratings import average_score_of


class ReportRow(NamedTuple):
    """A report as whoever made it sees it."""

    id: UUID
    reporter_id: UUID
    reported_user_id: UUID
    reason: ReportReason
    detail: str | None
    status: ReportStatus
    created_at: datetime
    target_type: ReportTarget | None
    target_id: UUID | None


class AdminReportRow(NamedTuple):
    """A report as moderators see it, with the cards of others that show the picture of a reported card."""

    id: UUID
    reporter_id: UUID
    reported_user_id: UUID
    reason: ReportReason
    detail: str | None
    status: ReportStatus
    created_at: datetime
    target_type: ReportTarget | None
    target_id: UUID | None
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    resolution: Resolution | None
    note: str | None
    resolved_by: UUID | None
    resolved_at: datetime | None
    reporter_nickname: str | None
    reported_nickname: str | None
    same_image_card_ids: list[UUID]


class SanctionRow(NamedTuple):
    """A sanction as its person and the moderators see it."""

    id: UUID
    user_id: UUID
    kind: SanctionKind
    target_type: ReportTarget | None
    target_id: UUID | None
    report_id: UUID | None
    note: str
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None
    appeal_note: str | None
    appealed_at: datetime | None
    appeal_outcome: AppealOutcome | None
    appeal_decided_at: datetime | None
    created_at: datetime


class AdminUserRow(NamedTuple):
    """Somebody as moderators see them."""

    id: UUID
    email: str | None
    role: Role
    status: UserStatus
    suspended_until: datetime | None
    nickname: str | None
    created_at: datetime
    last_seen_at: datetime | None
    open_reports: int
    warnings: int
    completed_trades: int
    average_score: float


class AuditRow(NamedTuple):
    """One thing an administrator, the operator or the system did."""

    id: UUID
    actor_id: UUID | None
    action: str
    target_type: str
    target_id: UUID
    note: str | None
    details: Mapping[str, Any]
    request_id: str | None
    created_at: datetime


def _newest_first(table: FromClause) -> tuple[SortKey, ...]:
    return SortKey(table.c.created_at, descending=True), SortKey(table.c.id)


_REPORT_COLUMNS = tuple(reports.c[name] for name in ReportRow._fields)
_REPORTS = select(*_REPORT_COLUMNS)


def report(connection: Connection, *, report_id: UUID) -> ReportRow:
    """Return one report that is known to be there."""
    return ReportRow(*connection.execute(_REPORTS.where(reports.c.id == report_id)).one())


def reports_by(connection: Connection, *, reporter_id: UUID, page: PageRequest) -> Page[ReportRow]:
    """Return a page of what somebody reported, newest first."""
    return fetch_page(
        connection,
        _REPORTS.where(reports.c.reporter_id == reporter_id),
        sort=_newest_first(reports),
        page=page,
        make_row=ReportRow,
    )


_reporter, _reported = profiles.alias("reporter"), profiles.alias("reported")
_NICKNAMES = {
    "reporter_nickname": _reporter.c.nickname,
    "reported_nickname": _reported.c.nickname,
}
_ADMIN_COLUMNS = tuple(
    _NICKNAMES[name] if name in _NICKNAMES else reports.c[name] for name in AdminReportRow._fields[:-1]
)


def _with_nicknames(source: FromClause, found: FromClause) -> FromClause:
    return (
        source.outerjoin(reports, reports.c.id == found.c.id)
        .outerjoin(_reporter, _reporter.c.user_id == reports.c.reporter_id)
        .outerjoin(_reported, _reported.c.user_id == reports.c.reported_user_id)
    )


_ADMIN_DETAILS = Details(_ADMIN_COLUMNS, _with_nicknames)
_OLDEST_FIRST = (SortKey(reports.c.created_at), SortKey(reports.c.id))


def reports_to_settle(
    connection: Connection, *, filters: Mapping[str, Any], page: PageRequest
) -> Page[AdminReportRow]:
    """Return a page of all reports, oldest first.

    ``filters`` may hold status, reason and reported_user_id.
    """
    wanted = [
        reports.c[name] == filters[name]
        for name in ("status", "reason", "reported_user_id")
        if filters.get(name) is not None
    ]
    found = fetch_page(
        connection,
        select(reports.c.id).where(*wanted),
        sort=_OLDEST_FIRST,
        page=page,
        make_row=_admin_report,
        details=_ADMIN_DETAILS,
    )
    return Page(_with_same_images(connection, found.rows), found.total, found.next_key)


def report_to_settle(connection: Connection, *, report_id: UUID) -> AdminReportRow:
    """Return one report as moderators see it.

    :raises ReportNotFound: there is no such report.
    """
    one = select(reports.c.id).where(reports.c.id == report_id).subquery("page")
    row = connection.execute(select(*_ADMIN_COLUMNS).select_from(_with_nicknames(one, one))).one_or_none()
    if row is None:
        raise ReportNotFound
    return _with_same_images(connection, [_admin_report(*row)])[0]


def _admin_report(*columns: Any) -> AdminReportRow:
    return AdminReportRow(*(*columns, []))


def _with_same_images(connection: Connection, rows: list[AdminReportRow]) -> list[AdminReportRow]:
    reported = [row.target_id for row in rows if row.target_type is ReportTarget.CARD and row.target_id]
    same = same_picture_card_ids_of(connection, reported)
    return [row._replace(same_image_card_ids=same.get(row.target_id, [])) for row in rows]  # type: ignore[arg-type]


_SANCTIONS = select(*(sanctions.c[name] for name in SanctionRow._fields))


def sanctions_of(connection: Connection, *, user_id: UUID) -> list[SanctionRow]:
    """Return everything that was imposed on somebody, newest first."""
    newest_first = (sanctions.c.created_at.desc(), sanctions.c.id)
    rows = connection.execute(_SANCTIONS.where(sanctions.c.user_id == user_id).order_by(*newest_first))
    return [SanctionRow(*row) for row in rows]


def sanction(connection: Connection, *, sanction_id: UUID) -> SanctionRow:
    """Return one sanction.

    :raises SanctionNotFound: there is no such sanction.
    """
    row = connection.execute(_SANCTIONS.where(sanctions.c.id == sanction_id)).one_or_none()
    if row is None:
        raise SanctionNotFound
    return SanctionRow(*row)


_OPEN_APPEALS = _SANCTIONS.where(
    sanctions.c.appealed_at.is_not(None), sanctions.c.appeal_decided_at.is_(None)
)
_DECIDED_APPEALS = _SANCTIONS.where(sanctions.c.appeal_decided_at.is_not(None))


def appeals(connection: Connection, *, waiting: bool, page: PageRequest) -> Page[SanctionRow]:
    """Return a page of the sanctions whose appeals wait for a decision, or had one; oldest appeal first."""
    return fetch_page(
        connection,
        _OPEN_APPEALS if waiting else _DECIDED_APPEALS,
        sort=(SortKey(sanctions.c.appealed_at), SortKey(sanctions.c.id)),
        page=page,
        make_row=SanctionRow,
    )


def _count_of(table: FromClause, *where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*where).correlate_except(table).scalar_subquery()


_open_reports = _count_of(
    reports, reports.c.reported_user_id == users.c.id, reports.c.status != ReportStatus.RESOLVED
)
_warnings = _count_of(
    sanctions,
    sanctions.c.user_id == users.c.id,
    sanctions.c.kind == SanctionKind.WARN,
    sanctions.c.lifted_at.is_(None),
)
_ADMIN_USER_COLUMNS = (
    users.c.id,
    users.c.email,
    users.c.role,
    users.c.status,
    users.c.suspended_until,
    profiles.c.nickname,
    users.c.created_at,
    users.c.last_seen_at,
    _open_reports,
    _warnings,
    completed_trades_of(users.c.id),
    average_score_of(users.c.id),
)


def _with_profiles(source: FromClause, found: FromClause) -> FromClause:
    return source.outerjoin(users, users.c.id == found.c.id).outerjoin(
        profiles, profiles.c.user_id == users.c.id
    )


_USER_DETAILS = Details(_ADMIN_USER_COLUMNS, _with_profiles)


def people(
    connection: Connection, *, filters: Mapping[str, Any], q: str | None, page: PageRequest
) -> Page[AdminUserRow]:
    """Return a page of people, newest first; ``filters`` may hold status and role.

    ``q`` finds an id, an exact e-mail address or the start of a nickname.
    """
    wanted = [users.c[name] == filters[name] for name in ("status", "role") if filters.get(name) is not None]
    if filters.get("role") not in (None, Role.USER):
        # What the partial index of administrators asks for, said in its own words.
        wanted.append(users.c.role != Role.USER)
    if q is not None:
        wanted.append(users.c.id.in_(_called(q)))
    return fetch_page(
        connection,
        select(users.c.id).where(*wanted),
        sort=_newest_first(users),
        page=page,
        make_row=AdminUserRow,
        details=_USER_DETAILS,
    )


def _addressed(who: str) -> list[Select[Any]]:
    """Return the selects of the person with this e-mail address and of the one with this id."""
    ways: list[Select[Any]] = [select(users.c.id).where(users.c.email == who.strip().lower())]
    with suppress(ValueError):
        ways.append(select(users.c.id).where(users.c.id == UUID(who)))
    return ways


def _called(q: str) -> Any:
    """Return the ids of the people ``q`` may mean; each way to mean somebody follows its own index."""
    ways = _addressed(q)
    start = normalise(q)
    if start is not None:
        ways.append(select(profiles.c.user_id).where(profiles.c.nickname_norm.like(f"{start}%")))
    return union_all(*ways)


_ONE_PERSON = (
    select(*_ADMIN_USER_COLUMNS)
    .select_from(users.outerjoin(profiles, profiles.c.user_id == users.c.id))
    .where(users.c.id == bindparam("user_id", type_=Uuid()))
)


def person(connection: Connection, *, user_id: UUID) -> AdminUserRow:
    """Return one person as moderators see them.

    :raises UserNotFound: there is no such account.
    """
    row = connection.execute(_ONE_PERSON, {"user_id": user_id}).one_or_none()
    if row is None:
        raise UserNotFound
    return AdminUserRow(*row)


def account(connection: Connection, *, who: str) -> AdminUserRow | None:
    """Return the person with this id or e-mail address, or None."""
    user_id = connection.scalar(union_all(*_addressed(who)))
    return None if user_id is None else person(connection, user_id=user_id)


_AUDIT = select(*(audit_log.c[name] for name in AuditRow._fields))


def audit_entries(connection: Connection, *, filters: Mapping[str, Any], page: PageRequest) -> Page[AuditRow]:
    """Return a page of the audit log, newest first.

    ``filters`` may hold actor_id, action, target_type, target_id and the moments since and until.
    """
    wanted = [
        audit_log.c[name] == filters[name]
        for name in ("actor_id", "action", "target_type", "target_id")
        if filters.get(name) is not None
    ]
    if filters.get("since") is not None:
        wanted.append(audit_log.c.created_at >= filters["since"])
    if filters.get("until") is not None:
        wanted.append(audit_log.c.created_at < filters["until"])
    return fetch_page(
        connection, _AUDIT.where(*wanted), sort=_newest_first(audit_log), page=page, make_row=AuditRow
    )
