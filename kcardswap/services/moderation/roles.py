"""Making people administrators, and administrators people again."""

from uuid import UUID

from kcardswap.domain.accounts import Role, UserNotFound
from kcardswap.domain.moderation import AuditAction
from kcardswap.persistence.unit_of_work import UnitOfWork


def change_role(uow: UnitOfWork, *, user_id: UUID, role: Role, password_hash: str | None = None) -> bool:
    """Give somebody another role on behalf of the operator; return whether anything changed.

    Administrators may also get a password to sign in by; whoever is one no more loses theirs.

    :raises UserNotFound: unknown or deleted.
    :raises NoOtherSignIn: the account has nothing but its password to sign in by.
    """
    with uow:
        user = uow.users.get(user_id, lock=True)
        if user.is_deleted:
            raise UserNotFound
        before = user.role
        user.change_role(
            role, password_hash=password_hash, has_identity=bool(uow.identities.of_user(user_id))
        )
        if before is role and password_hash is None:
            return False
        uow.audit.write(
            actor_id=None,
            action=AuditAction.PROMOTE_USER,
            target_type="user",
            target_id=user_id,
            details={"role": role, "before": before, "with_password": password_hash is not None},
        )
        uow.commit()
        return True
