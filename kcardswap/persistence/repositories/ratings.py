"""Repository of ratings and of the sums behind every average."""

from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.ratings import Rating
from kcardswap.persistence.orm.ratings import rating_totals, ratings
from kcardswap.persistence.repositories.base import Repository


class RatingRepository(Repository[Rating]):
    """The ratings of all people; one that is stored is counted in the same transaction."""

    entity = Rating
    table = ratings

    def add(self, entity: Rating) -> None:
        """Store a rating and count it towards what others think of the person.

        :raises AlreadyRated: there is one for the same swap, or between the same friends.
        """
        super().add(entity)
        # A second rating fails here, before anything is counted.
        self.session.flush()
        first = insert(rating_totals).values(user_id=entity.rated_user_id, ratings=1, score_sum=entity.score)
        # The row is locked by the upsert itself: of two at once, the later adds to what the earlier left.
        self.session.execute(
            first.on_conflict_do_update(
                index_elements=["user_id"],
                set_={
                    "ratings": rating_totals.c.ratings + 1,
                    "score_sum": rating_totals.c.score_sum + first.excluded.score_sum,
                },
            )
        )
