"""What moderators may do, to whom, and under which names it is kept in the audit log."""

from enum import StrEnum

from kcardswap.domain.accounts import Role, RoleRequired, User


class AuditAction(StrEnum):
    """The names of what administrators, operators and the system did."""

    SUSPEND_USER = "suspend_user"
    UNSUSPEND_USER = "unsuspend_user"
    LIFT_SUSPENSION = "lift_suspension"
    PROMOTE_USER = "promote_user"
    REVIEW_REPORT = "review_report"
    RESOLVE_REPORT = "resolve_report"
    DECIDE_APPEAL = "decide_appeal"
    DELETE_POST = "delete_post"
    DELETE_COMMENT = "delete_comment"
    DELETE_CARD = "delete_card"
    CURATE_PHOTOCARD = "curate_photocard"
    MERGE_PHOTOCARD = "merge_photocard"
    EXPIRE_SUBSCRIPTION = "expire_subscription"


def refuse_unless_above(moderator: User | None, target: User) -> None:
    """Do nothing for a moderator who may act on this person; None is the operator of the system.

    Administrators act on people, super administrators on administrators too, and nobody on themselves.

    :raises RoleRequired: somebody else has to do it.
    """
    if moderator is None:
        return
    above = target.role is Role.USER or moderator.role.includes(Role.SUPER_ADMIN)
    if moderator.id == target.id or not above:
        raise RoleRequired
