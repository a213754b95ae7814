"""Reports, sanctions, appeals, people as moderators see them, and the audit log."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from kcardswap.api.schemas.base import Choice, Id, Moment, PageQuery, QueryFlag, Schema, Text
from kcardswap.domain.accounts import Role, UserStatus
from kcardswap.domain.reports import ReportReason, ReportStatus, ReportTarget, Resolution
from kcardswap.domain.sanctions import AppealOutcome, SanctionKind

NOTE_EXAMPLE = "Sold the same card twice; see the messages."


class ReportBody(Schema):
    """Whom to report and for what."""

    reported_user_id = Id(required=True)
    reason = Choice(ReportReason, required=True)
    detail = Text(max=1000, metadata={"example": "The card that came is a copy."})
    target_type = Choice(
        ReportTarget,
        allow_none=True,
        metadata={"description": "What of theirs; together with `target_id`, or neither."},
    )
    target_id = Id(allow_none=True)

    @validates_schema
    def refuse_half_a_target(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a kind without an id, or an id without its kind."""
        if (data.get("target_type") is None) != (data.get("target_id") is None):
            missing = "target_type" if data.get("target_type") is None else "target_id"
            raise ValidationError("Send target_type and target_id together.", missing)


class ReportSchema(Schema):
    """A report as whoever made it sees it."""

    id = Id(required=True)
    reporter_id = Id(required=True)
    reported_user_id = Id(required=True)
    reason = Choice(ReportReason, required=True)
    detail = fields.String(required=True, allow_none=True)
    status = Choice(ReportStatus, required=True)
    created_at = Moment(required=True)
    target_type = Choice(ReportTarget, required=True, allow_none=True)
    target_id = Id(required=True, allow_none=True)


class AdminReportSchema(ReportSchema):
    """A report as moderators see it."""

    reporter_nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    reported_nickname = fields.String(required=True, allow_none=True, metadata={"example": "jun"})
    reviewed_by = Id(required=True, allow_none=True)
    reviewed_at = Moment(required=True, allow_none=True)
    resolution = Choice(Resolution, required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    resolved_by = Id(required=True, allow_none=True)
    resolved_at = Moment(required=True, allow_none=True)
    same_image_card_ids = fields.List(
        Id(),
        required=True,
        metadata={"description": "Cards of other people with the reported card's picture."},
    )


class AdminReportsQuery(PageQuery):
    """Which reports."""

    status = Choice(ReportStatus)
    reason = Choice(ReportReason)
    reported_user_id = Id()


class ResolveBody(Schema):
    """What to make of a report."""

    action = Choice(Resolution, required=True)
    note = Text(max=1000, required=True, metadata={"example": NOTE_EXAMPLE})
    until = Moment(
        allow_none=True,
        metadata={"description": "End of a suspension; without it there is none.", "example": None},
    )


class SanctionSchema(Schema):
    """What a moderator imposed on somebody, and the appeal against it."""

    id = Id(required=True)
    user_id = Id(required=True)
    kind = Choice(SanctionKind, required=True)
    target_type = Choice(ReportTarget, required=True, allow_none=True)
    target_id = Id(required=True, allow_none=True)
    report_id = Id(required=True, allow_none=True)
    note = fields.String(required=True, metadata={"example": NOTE_EXAMPLE})
    starts_at = Moment(required=True)
    ends_at = Moment(
        required=True, allow_none=True, metadata={"description": "Of a suspension; null: no end."}
    )
    lifted_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Since when a suspension or warning is void."},
    )
    appeal_note = fields.String(required=True, allow_none=True)
    appealed_at = Moment(required=True, allow_none=True)
    appeal_outcome = Choice(AppealOutcome, required=True, allow_none=True)
    appeal_decided_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)


class AppealBody(Schema):
    """Why a sanction is wrong."""

    note = Text(max=2000, required=True, metadata={"example": "The card is mine; here is the receipt."})


class AppealsQuery(PageQuery):
    """Which appeals."""

    open = QueryFlag(
        load_default=True,
        metadata={"description": "Those that wait for a decision, or those that had one."},
    )


class DecideBody(Schema):
    """What to make of an appeal."""

    outcome = Choice(AppealOutcome, required=True)
    note = Text(max=1000, required=True, metadata={"example": "The receipt is genuine."})


class UsersQuery(PageQuery):
    """Which people."""

    q = Text(
        max=320,
        metadata={
            "description": "An id, an exact e-mail address or the start of a nickname.",
            "example": "mina",
        },
    )
    status = Choice(UserStatus)
    role = Choice(Role)


class AdminUserSchema(Schema):
    """Somebody as moderators see them."""

    id = Id(required=True)
    email = fields.String(required=True, allow_none=True, metadata={"example": "mina@demo.kcardswap.test"})
    role = Choice(Role, required=True)
    status = Choice(UserStatus, required=True)
    suspended_until = Moment(required=True, allow_none=True)
    nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    created_at = Moment(required=True)
    last_seen_at = Moment(required=True, allow_none=True)
    open_reports = fields.Integer(
        required=True, metadata={"description": "Reports that wait for moderators."}
    )
    warnings = fields.Integer(required=True, metadata={"description": "Warnings that were not struck."})
    completed_trades = fields.Integer(required=True, metadata={"example": 12})
    average_score = fields.Float(
        required=True, metadata={"description": "0.0 without ratings.", "example": 4.8}
    )


class SuspendBody(Schema):
    """Why, and until when."""

    note = Text(max=1000, required=True, metadata={"example": NOTE_EXAMPLE})
    until = Moment(
        allow_none=True,
        metadata={"description": "When the suspension ends by itself; without it never.", "example": None},
    )


class UnsuspendBody(Schema):
    """Why."""

    note = Text(max=1000, required=True, metadata={"example": "It was a mix-up."})


class AuditQuery(PageQuery):
    """Which entries."""

    actor_id = Id()
    action = Text(max=60, metadata={"example": "suspend_user"})
    target_type = Text(max=40, metadata={"example": "user"})
    target_id = Id()
    since = Moment(metadata={"description": "This moment and later."})
    until = Moment(metadata={"description": "Before this moment."})


class AuditEntrySchema(Schema):
    """Something an administrator, the operator or the system did."""

    id = Id(required=True)
    actor_id = Id(
        required=True, allow_none=True, metadata={"description": "Null: the operator or the system."}
    )
    action = fields.String(required=True, metadata={"example": "suspend_user"})
    target_type = fields.String(required=True, metadata={"example": "user"})
    target_id = Id(required=True)
    note = fields.String(required=True, allow_none=True)
    details = fields.Dict(keys=fields.String(), required=True, metadata={"example": {}})
    request_id = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
