"""Repository of erasure requests, and the erasing itself."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.base import Aggregate
from kcardswap.domain.erasure import ErasureRequest
from kcardswap.domain.media import CARD_FOLDER, MEDIA_FOLDER, MediaStatus
from kcardswap.persistence.deadlines import let_statements_take
from kcardswap.persistence.erasure import PERSONAL, Forget, Rule
from kcardswap.persistence.orm.accounts import erasure_requests, users
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.repositories.base import Repository

STATEMENT_SECONDS = 60
"""A batch of posts takes the comments of all of them along."""


class ErasureRepository(Repository[ErasureRequest]):
    """Accounts on their way out; carries out the rules of ``persistence.erasure``."""

    entity = ErasureRequest
    table = erasure_requests

    def __init__(self, session: Session, seen: list[Aggregate]) -> None:
        super().__init__(session, seen)

    def find_by_user(self, user_id: UUID, *, lock: bool = False) -> ErasureRequest | None:
        """Return what is still to be done for a person, or None."""
        return self._one(erasure_requests.c.user_id == user_id, lock=lock)

    def find_due(self, now: datetime, *, limit: int) -> list[ErasureRequest]:
        """Return requests that are to be looked at, longest due first, locked; not what others locked."""
        statement = (
            select(ErasureRequest)
            .where(erasure_requests.c.next_try_at <= now)
            .order_by(erasure_requests.c.next_try_at, erasure_requests.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True, of=erasure_requests)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)

    def forget_at_once(self, user_id: UUID) -> None:
        """Remove what does not wait for the erasure, such as devices."""
        for rule in rules():
            if isinstance(rule, Forget) and rule.at_once:
                while self.carry_out(rule, user_id=user_id, heir_id=user_id, now=None):
                    pass

    def carry_out(self, rule: Rule, *, user_id: UUID, heir_id: UUID, now: datetime | None) -> bool:
        """Do a part of what a rule says for a person; tell whether there may be more."""
        statement = rule.batch()
        if statement is None:
            return False
        let_statements_take(self.session, STATEMENT_SECONDS)
        done = self.session.execute(statement, {"person": user_id, "heir": heir_id, "erased_at": now})
        assert isinstance(done, CursorResult)
        return done.rowcount > 0

    def pictures_of(self, user_id: UUID, *, limit: int) -> list[str]:
        """Return keys of objects that are the person's or whose key names them."""
        theirs = media_assets.c.owner_id == user_id
        named = [
            (media_assets.c.object_key >= f"{folder}{user_id}/")
            & (media_assets.c.object_key < f"{folder}{user_id}0")
            for folder in (CARD_FOLDER, MEDIA_FOLDER)
        ]
        statements = [
            select(media_assets.c.object_key).where(condition).limit(limit) for condition in (theirs, *named)
        ]
        keys = {key for statement in statements for key in self.session.scalars(statement)}
        return sorted(keys)[:limit]

    def is_shown_by_others(self, key: str, user_id: UUID) -> bool:
        """Tell whether somebody else has a picture on this object."""
        shown = select(media_assets.c.id).where(
            media_assets.c.object_key == key,
            media_assets.c.owner_id != user_id,
            media_assets.c.status != MediaStatus.DELETED,
        )
        return self.session.execute(shown.limit(1)).first() is not None

    def move_pictures(self, key: str, new_key: str, *, besides: UUID) -> bool:
        """Let the pictures of everybody else use ``new_key`` instead; tell whether there were any."""
        moved = self.session.execute(
            update(media_assets)
            .where(media_assets.c.object_key == key, media_assets.c.owner_id != besides)
            .values(object_key=new_key)
        )
        assert isinstance(moved, CursorResult)
        return moved.rowcount > 0

    def forget_pictures(self, key: str, user_id: UUID) -> None:
        """Remove the person's rows of an object that is dealt with."""
        self.session.execute(
            delete(media_assets).where(media_assets.c.object_key == key, media_assets.c.owner_id == user_id)
        )

    def forget_user(self, user_id: UUID) -> None:
        """Remove the account itself, at last; it must be a deleted one."""
        let_statements_take(self.session, STATEMENT_SECONDS)
        self.session.execute(delete(users).where(users.c.id == user_id, users.c.status == UserStatus.DELETED))


def rules() -> Iterator[Rule]:
    """Yield everything that has to be done for a person, in its order."""
    for personal in PERSONAL:
        yield from personal.erase
