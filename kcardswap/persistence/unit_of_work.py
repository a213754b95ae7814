"""The unit of work: one session, the repositories on it, and one commit for rows and events together."""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.orm.unitofwork import UOWTransaction

from kcardswap.domain.base import Aggregate, Clock, NewId
from kcardswap.persistence.outbox import write_events
from kcardswap.persistence.repositories.accounts import (
    IdentityRepository,
    LoginThrottleRepository,
    RefreshTokenRepository,
    SessionRepository,
    UserRepository,
)
from kcardswap.persistence.repositories.audit import AuditLog
from kcardswap.persistence.repositories.cards import CardRepository
from kcardswap.persistence.repositories.catalog import CatalogGroupRepository
from kcardswap.persistence.repositories.conversations import (
    MessageRepository,
    MessageRequestRepository,
    ThreadRepository,
)
from kcardswap.persistence.repositories.erasure import ErasureRepository
from kcardswap.persistence.repositories.friendships import BlockRepository, FriendshipRepository
from kcardswap.persistence.repositories.gallery import GalleryCardRepository
from kcardswap.persistence.repositories.media import MediaRepository
from kcardswap.persistence.repositories.moderation import ReportRepository, SanctionRepository
from kcardswap.persistence.repositories.notifications import DeviceRepository, NotificationRepository
from kcardswap.persistence.repositories.outbox import OutboxRepository
from kcardswap.persistence.repositories.photocard_batches import PhotocardBatches
from kcardswap.persistence.repositories.photocards import PhotocardRepository
from kcardswap.persistence.repositories.posts import (
    CommentRepository,
    InterestRepository,
    PostRepository,
)
from kcardswap.persistence.repositories.profiles import ProfileRepository
from kcardswap.persistence.repositories.quotas import QuotaRepository
from kcardswap.persistence.repositories.ratings import RatingRepository
from kcardswap.persistence.repositories.records import RecordsRepository
from kcardswap.persistence.repositories.schedule import ScheduleRepository
from kcardswap.persistence.repositories.subscriptions import PurchaseRepository, SubscriptionRepository
from kcardswap.persistence.repositories.trades import Reservations, TradeRepository
from kcardswap.persistence.repositories.wishlist import WishRepository
from kcardswap.persistence.violations import translate, translated_failures


class UnitOfWork:
    """A transaction as services see it.

    ``with uow:`` opens the session and the repositories; leaving the block without ``commit()`` rolls
    everything back. The object can be entered again for the next transaction.
    """

    def __init__(
        self,
        new_session: Callable[[], Session],
        *,
        clock: Clock,
        new_id: NewId,
        request_id: str | None = None,
        afterwards: list[Callable[[], None]] | None = None,
    ) -> None:
        self._new_session = new_session
        self.clock = clock
        self.new_id = new_id
        self._request_id = request_id
        self._afterwards = afterwards

    def __enter__(self) -> Self:
        self._seen: list[Aggregate] = []
        self.session = self._new_session()
        event.listen(self.session, "before_flush", self._stamp_updated_at)
        self._open_repositories()
        return self

    def _open_repositories(self) -> None:
        self.users = UserRepository(self.session, self._seen)
        self.identities = IdentityRepository(self.session, self._seen)
        self.sessions = SessionRepository(self.session, self._seen)
        self.refresh_tokens = RefreshTokenRepository(self.session, self._seen)
        self.login_throttles = LoginThrottleRepository(self.session, self._seen)
        self.erasures = ErasureRepository(self.session, self._seen)
        self.profiles = ProfileRepository(self.session, self._seen)
        self.quotas = QuotaRepository(self.session, self.clock)
        self.media = MediaRepository(self.session, self._seen)
        self.cards = CardRepository(self.session, self._seen, media=self.media)
        self.gallery_cards = GalleryCardRepository(self.session, self._seen)
        self.wishes = WishRepository(self.session, self._seen)
        self.catalog_groups = CatalogGroupRepository(self.session, self._seen)
        self.photocards = PhotocardRepository(self.session, self._seen, clock=self.clock, new_id=self.new_id)
        self.photocard_batches = PhotocardBatches(
            self.session, self._seen, clock=self.clock, new_id=self.new_id
        )
        self.friendships = FriendshipRepository(self.session, self._seen)
        self.blocks = BlockRepository(self.session, self._seen)
        self.message_requests = MessageRequestRepository(self.session, self._seen)
        self.threads = ThreadRepository(
            self.session, self._seen, requests=self.message_requests, new_id=self.new_id
        )
        self.messages = MessageRepository(self.session, self._seen)
        self.posts = PostRepository(self.session, self._seen, media=self.media)
        self.comments = CommentRepository(self.session, self._seen, posts=self.posts)
        self.interests = InterestRepository(self.session, self._seen)
        self.trades = TradeRepository(self.session, self._seen)
        self.reservations = Reservations(self.session, self.cards)
        self.ratings = RatingRepository(self.session, self._seen)
        self.subscriptions = SubscriptionRepository(self.session, self._seen)
        self.purchases = PurchaseRepository(self.session, self._seen)
        self.devices = DeviceRepository(self.session, self._seen)
        self.notifications = NotificationRepository(self.session, self._seen)
        self.outbox = OutboxRepository(self.session)
        self.schedule = ScheduleRepository(self.session)
        self.records = RecordsRepository(self.session)
        self.reports = ReportRepository(self.session, self._seen)
        self.sanctions = SanctionRepository(self.session, self._seen)
        self.audit = AuditLog(self.session, clock=self.clock, new_id=self.new_id, request_id=self._request_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A lost connection makes closing fail, too; what went wrong first is what callers are told.
        with translated_failures() if error is None else suppress(DBAPIError):
            self.session.close()
        if isinstance(error, DBAPIError | PoolTimeout):
            meaning = translate(error)
            if meaning is not error:
                raise meaning from error

    def flush(self) -> None:
        """Send pending rows now, for instance so that a foreign key of the next insert finds its row."""
        self.session.flush()

    def commit(self) -> None:
        """Make everything since ``with`` permanent: rows and the events they caused, or neither."""
        self.session.flush()
        events = [event for aggregate in self._seen for event in aggregate.collect_events()]
        write_events(
            self.session, events, new_id=self.new_id, now=self.clock.now(), request_id=self._request_id
        )
        self.session.commit()

    def once_durable(self, work: Callable[[], None]) -> None:
        """Run ``work`` when nothing can undo what was committed any more.

        That is at once, or, as part of a larger transaction, after the commit of that one.
        """
        if self._afterwards is None:
            work()
        else:
            self._afterwards.append(work)

    def _stamp_updated_at(self, session: Session, flush: UOWTransaction, instances: Any) -> None:
        now = self.clock.now()
        for entity in session.dirty:
            if hasattr(entity, "updated_at") and session.is_modified(entity):
                entity.updated_at = now
