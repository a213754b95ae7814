"""Reporting people, one's own sanctions, and appealing against them."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import RESTRICTED, SIGNED_IN, Blueprint, envelope_of
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import PageQuery
from kcardswap.api.schemas.moderation import AppealBody, ReportBody, ReportSchema, SanctionSchema
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.reports import NotTheirs, Subject, TargetNotFound
from kcardswap.domain.sanctions import AppealClosed, SanctionNotFound
from kcardswap.queries import moderation as moderation_queries
from kcardswap.services import moderation

blp = Blueprint("reports", __name__, description="Reports, sanctions, appeals and the moderators' work.")

REPORTED_ALREADY = {
    "responses": {
        200: {
            "description": "The caller said the same before, and it is still open.",
            "content": {"application/json": {"schema": envelope_of(ReportSchema, False)}},
        }
    }
}
"""How the other success of a report is described."""


@blp.operation(
    "POST",
    "/reports",
    caller=SIGNED_IN,
    body=ReportBody,
    answer=ReportSchema,
    status=201,
    refuses=(SelfTarget, NotTheirs, UserNotFound, TargetNotFound),
    docs=REPORTED_ALREADY,
)
def report_user(body: dict[str, Any]) -> Answer:
    """Report somebody to the moderators."""
    target_type, target_id = body.get("target_type"), body.get("target_id")
    filed = moderation.file(
        unit_of_work(),
        by=caller().user_id,
        reported_user_id=body["reported_user_id"],
        reason=body["reason"],
        detail=body.get("detail"),
        subject=None if target_type is None or target_id is None else Subject(target_type, target_id),
    )
    found = read(moderation_queries.report, report_id=filed.report_id)
    return Answer(found, status=201 if filed.is_new else 200)


@blp.operation(
    "GET",
    "/reports",
    caller=SIGNED_IN,
    query=PageQuery,
    answer=collection_of("reports", ReportSchema, paged=False),
)
def list_own_reports(query: dict[str, Any]) -> Answer:
    """List what the caller reported, newest first."""
    page = read(moderation_queries.reports_by, reporter_id=caller().user_id, page=page_request(query))
    return page_answer("reports", page, query)


@blp.operation(
    "GET",
    "/account/sanctions",
    caller=RESTRICTED,
    answer=collection_of("sanctions", SanctionSchema, paged=False),
)
def list_own_sanctions() -> object:
    """List what moderators imposed on the caller, newest first."""
    found = read(moderation_queries.sanctions_of, user_id=caller().user_id)
    return {"sanctions": found, "total": len(found)}


@blp.operation(
    "POST",
    "/account/sanctions/<id:sanction_id>/appeal",
    caller=RESTRICTED,
    body=AppealBody,
    answer=SanctionSchema,
    refuses=(SanctionNotFound, AppealClosed),
)
def appeal_sanction(sanction_id: UUID, body: dict[str, Any]) -> object:
    """Ask another moderator to look at a sanction; once, within 30 days."""
    moderation.appeal(unit_of_work(), sanction_id=sanction_id, by=caller().user_id, note=body["note"])
    return read(moderation_queries.sanction, sanction_id=sanction_id)
