"""What people do with their own profile."""

from uuid import UUID

from kcardswap.domain.profiles import ProfileChanges
from kcardswap.persistence.unit_of_work import UnitOfWork


def start(uow: UnitOfWork, *, user_id: UUID) -> None:
    """Give somebody a blank profile; one that is there already stays as it is."""
    with uow:
        uow.profiles.lock_or_start(user_id, id=uow.new_id(), now=uow.clock.now())
        uow.commit()


def edit(uow: UnitOfWork, *, user_id: UUID, changes: ProfileChanges) -> None:
    """Change the given fields of somebody's profile, which is made first where it is missing.

    :raises ValidationFailed: a field is not what a profile can hold.
    """
    with uow:
        profile = uow.profiles.lock_or_start(user_id, id=uow.new_id(), now=uow.clock.now())
        profile.edit(changes)
        uow.commit()
