"""Repository of threads."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.conversations import Thread, in_order
from kcardswap.persistence.orm.conversations import threads
from kcardswap.persistence.repositories.base import Repository


class ThreadRepository(Repository[Thread]):
    """Conversations; a pair has at most one, which is never removed."""

    entity = Thread
    table = threads

    def find_between(self, a: UUID, b: UUID, *, lock: bool = False) -> Thread | None:
        """Return the conversation of two people, or None when they never had a reason for one."""
        user_a_id, user_b_id = in_order(a, b)
        return self._one(threads.c.user_a_id == user_a_id, threads.c.user_b_id == user_b_id, lock=lock)

    def open(self, thread: Thread) -> UUID:
        """Store a new conversation unless its pair has one, and return the id of the one they have."""
        values = {column.name: getattr(thread, column.name) for column in threads.columns}
        self.session.execute(
            insert(threads).values(values).on_conflict_do_nothing(index_elements=["user_a_id", "user_b_id"])
        )
        pair = (threads.c.user_a_id == thread.user_a_id, threads.c.user_b_id == thread.user_b_id)
        thread_id: UUID = self.session.execute(select(threads.c.id).where(*pair)).scalar_one()
        return thread_id
