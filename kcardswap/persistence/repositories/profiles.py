"""Repository of profiles."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.profiles import Profile
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.repositories.base import Repository


class ProfileRepository(Repository[Profile]):
    """One profile per account."""

    entity = Profile
    table = profiles

    def find_by_user(self, user_id: UUID, *, lock: bool = False) -> Profile | None:
        """Return the profile of a person, or None when it was not made yet."""
        return self._one(profiles.c.user_id == user_id, lock=lock)

    def lock_or_start(self, user_id: UUID, *, id: UUID, now: datetime) -> Profile:
        """Return the profile of a person, locked; a blank one with this id is made where none was."""
        found = self.find_by_user(user_id, lock=True)
        if found is None:
            # Two first calls may meet here: the second insert waits for the first and then does nothing.
            blank = Profile.blank(id=id, user_id=user_id, now=now)
            self.session.execute(insert(profiles).values(asdict(blank)).on_conflict_do_nothing())
            found = self.find_by_user(user_id, lock=True)
            assert found is not None
        return found
