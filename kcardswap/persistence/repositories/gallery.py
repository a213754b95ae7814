"""Repository of gallery cards."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, column, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from kcardswap.domain.gallery import GalleryCard, GalleryCardNotFound
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.repositories.base import Repository

_places = (
    func.unnest(bindparam("album", type_=ARRAY(Uuid())))
    .table_valued(column("card_id", Uuid()), with_ordinality="place", name="places")
    .render_derived()
)
_new_order = _places.c.place.cast(Integer) - 1
# The order is unique at every moment, also inside a statement, so cards go to their new places by way
# of negative numbers, which nobody has.
_PUT_ASIDE = (
    update(gallery_cards)
    .where(
        gallery_cards.c.user_id == bindparam("owner_id", type_=Uuid()),
        gallery_cards.c.id == _places.c.card_id,
        gallery_cards.c.display_order != _new_order,
    )
    .values(display_order=-1 - _new_order, updated_at=bindparam("now", type_=gallery_cards.c.updated_at.type))
)
_PUT_IN_PLACE = (
    update(gallery_cards)
    .where(gallery_cards.c.user_id == bindparam("owner_id", type_=Uuid()), gallery_cards.c.display_order < 0)
    .values(display_order=-1 - gallery_cards.c.display_order)
)


class GalleryCardRepository(Repository[GalleryCard]):
    """The albums of all people; whoever changes the order of one has its owner locked."""

    entity = GalleryCard
    table = gallery_cards
    missing = GalleryCardNotFound

    def get_present(self, id: UUID, *, lock: bool = False) -> GalleryCard:
        """Return the card with this id unless the account of its owner was deleted.

        :raises GalleryCardNotFound: unknown or deleted.
        """
        return self._get_of_somebody(id, gallery_cards.c.user_id, lock=lock)

    def album_of(self, user_id: UUID) -> list[UUID]:
        """Return the ids of a person's cards in their order."""
        statement = (
            select(gallery_cards.c.id)
            .where(gallery_cards.c.user_id == user_id)
            .order_by(gallery_cards.c.display_order)
        )
        return list(self.session.scalars(statement))

    def count_of(self, user_id: UUID) -> int:
        """Return how many cards a person's album has."""
        statement = select(func.count()).where(gallery_cards.c.user_id == user_id)
        return self.session.scalar(statement) or 0

    def arrange(self, user_id: UUID, album: Sequence[UUID], *, now: datetime) -> None:
        """Number the cards of a person 0, 1, 2 ... as ``album``, all of them, lists their ids.

        Cards that stay in their place are left alone. Loaded cards do not notice.
        """
        self.session.execute(_PUT_ASIDE, {"owner_id": user_id, "album": list(album), "now": now})
        self.session.execute(_PUT_IN_PLACE, {"owner_id": user_id})
