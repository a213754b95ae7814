"""What administrators do about reports, people and appeals, and the log of it."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import ADMIN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.moderation import (
    AdminReportSchema,
    AdminReportsQuery,
    AdminUserSchema,
    AppealsQuery,
    AuditEntrySchema,
    AuditQuery,
    DecideBody,
    ResolveBody,
    SanctionSchema,
    SuspendBody,
    UnsuspendBody,
    UsersQuery,
)
from kcardswap.domain.accounts import RoleRequired, UserNotFound
from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.reports import NothingToRemove, ReportNotFound, ReportResolvedAlready
from kcardswap.domain.sanctions import AppealClosed, SanctionNotFound
from kcardswap.queries import moderation as moderation_queries
from kcardswap.services import moderation
from kcardswap.services.moderation import Decision

blp = Blueprint("moderation", __name__, slice="reports")


@blp.operation(
    "GET",
    "/admin/reports",
    caller=ADMIN,
    query=AdminReportsQuery,
    answer=collection_of("reports", AdminReportSchema, paged=False),
)
def list_reports(query: dict[str, Any]) -> Answer:
    """List reports, oldest first."""
    page = read(moderation_queries.reports_to_settle, filters=query, page=page_request(query))
    return page_answer("reports", page, query)


@blp.operation(
    "POST",
    "/admin/reports/<id:report_id>/review",
    caller=ADMIN,
    answer=AdminReportSchema,
    refuses=(ReportNotFound, ReportResolvedAlready),
)
def review_report(report_id: UUID) -> object:
    """Take a report up."""
    moderation.review(unit_of_work(), report_id=report_id, by=caller().user_id)
    return read(moderation_queries.report_to_settle, report_id=report_id)


@blp.operation(
    "POST",
    "/admin/reports/<id:report_id>/resolve",
    caller=ADMIN,
    body=ResolveBody,
    answer=AdminReportSchema,
    refuses=(ReportNotFound, UserNotFound, NothingToRemove, RoleRequired, ReportResolvedAlready),
)
def resolve_report(report_id: UUID, body: dict[str, Any]) -> object:
    """Settle a report, and the other open ones about the same thing."""
    decision = Decision(
        action=body["action"], note=body["note"], by=caller().user_id, until=body.get("until")
    )
    moderation.resolve(unit_of_work(), runtime().storage, report_id=report_id, decision=decision)
    return read(moderation_queries.report_to_settle, report_id=report_id)


@blp.operation(
    "GET",
    "/admin/users",
    caller=ADMIN,
    query=UsersQuery,
    answer=collection_of("users", AdminUserSchema, paged=False),
)
def list_users(query: dict[str, Any]) -> Answer:
    """List people, newest first."""
    page = read(moderation_queries.people, filters=query, q=query.get("q"), page=page_request(query))
    return page_answer("users", page, query)


@blp.operation(
    "POST",
    "/admin/users/<id:user_id>/suspend",
    caller=ADMIN,
    body=SuspendBody,
    answer=AdminUserSchema,
    refuses=(SelfTarget, UserNotFound, RoleRequired),
)
def suspend_user(user_id: UUID, body: dict[str, Any]) -> object:
    """Shut somebody out; a running suspension gets the new end and note."""
    moderation.suspend(
        unit_of_work(), user_id=user_id, by=caller().user_id, note=body["note"], until=body.get("until")
    )
    return read(moderation_queries.person, user_id=user_id)


@blp.operation(
    "POST",
    "/admin/users/<id:user_id>/unsuspend",
    caller=ADMIN,
    body=UnsuspendBody,
    answer=AdminUserSchema,
    refuses=(UserNotFound, RoleRequired),
)
def unsuspend_user(user_id: UUID, body: dict[str, Any]) -> object:
    """Let somebody in again before their time."""
    moderation.unsuspend(unit_of_work(), user_id=user_id, by=caller().user_id, note=body["note"])
    return read(moderation_queries.person, user_id=user_id)


@blp.operation(
    "GET",
    "/admin/appeals",
    caller=ADMIN,
    query=AppealsQuery,
    answer=collection_of("sanctions", SanctionSchema, paged=False),
)
def list_appeals(query: dict[str, Any]) -> Answer:
    """List sanctions that were appealed, oldest appeal first."""
    page = read(moderation_queries.appeals, waiting=query["open"], page=page_request(query))
    return page_answer("sanctions", page, query)


@blp.operation(
    "POST",
    "/admin/appeals/<id:sanction_id>/decide",
    caller=ADMIN,
    body=DecideBody,
    answer=SanctionSchema,
    refuses=(SanctionNotFound, RoleRequired, AppealClosed),
)
def decide_appeal(sanction_id: UUID, body: dict[str, Any]) -> object:
    """Settle an appeal; overturning lifts a suspension or strikes a warning."""
    moderation.decide(
        unit_of_work(),
        sanction_id=sanction_id,
        by=caller().user_id,
        outcome=body["outcome"],
        note=body["note"],
    )
    return read(moderation_queries.sanction, sanction_id=sanction_id)


@blp.operation(
    "GET",
    "/admin/audit-log",
    caller=ADMIN,
    query=AuditQuery,
    answer=collection_of("entries", AuditEntrySchema, paged=False),
)
def list_audit_log(query: dict[str, Any]) -> Answer:
    """List what administrators, the operator and the system did, newest first."""
    page = read(moderation_queries.audit_entries, filters=query, page=page_request(query))
    return page_answer("entries", page, query)
