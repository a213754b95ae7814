"""Somebody who did everything one can do here, for tests of what remains of them."""

from uuid import UUID

from sqlalchemy import Connection, insert, select, text

from kcardswap.domain.accounts import Role
from kcardswap.domain.base import StoredEvent
from kcardswap.domain.reports import ReportReason, ReportTarget, Resolution
from kcardswap.domain.sanctions import AppealOutcome
from kcardswap.gateways.dev_play_store import Books
from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import trade_shipments
from kcardswap.runtime import Runtime
from kcardswap.services import moderation, notifications, photocards
from tests import albums, posts, talks, wishes
from tests.moderating import file_report, sanction_ids, settle
from tests.notices import register
from tests.people import MakePerson, Person, make_person
from tests.pictures import upload_card
from tests.ratings import rate
from tests.swaps import accept, befriend, complete, make_card, propose

CANARY = "canary"
"""In everything a person who leaves wrote or was called."""


class Life:
    """Mina, who wrote her canary everywhere, and the people she met."""

    def __init__(self, runtime: Runtime, connection: Connection, person: MakePerson, play: Books) -> None:
        self.runtime, self.connection = runtime, connection
        # Ids go by age: somebody is older than she, so that she is on both sides of ordered pairs.
        self.eldest = person("eldest").user_id
        self.mina, self.jun, self.sana = person("mina-canary"), person("jun"), person("sana")
        self.root = person("root", Role.SUPER_ADMIN).user_id
        self.id, self.juns, self.sanas = self.mina.user_id, self.jun.user_id, self.sana.user_id
        self._is_somebody(play)
        self._swaps()
        self._talks()
        self._posts()
        self._moderates()
        self._is_moderated()
        self._is_told()

    def _is_somebody(self, play: Books) -> None:
        flags = {
            "nickname": "Mina canary",
            "bio": "canary",
            "region": "canary",
            "preferences": {"a": "canary"},
        }
        assert self.mina.put("/profile/me", flags).status_code == 200
        register(self.runtime, self.id, "fcm-canary", device_id="canary-phone")
        play.sell("mina-token")
        receipt = {
            "platform": "android",
            "purchase_token": "mina-token",
            "product_id": "premium_monthly",
        }
        answer = self.mina.post("/subscriptions/verify-receipt", receipt)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        befriend(self.runtime, self.id, self.juns)
        self.mina.post("/friends/request", {"target_user_id": str(self.sanas)})
        wishes.wish(self.runtime, self.id, note="canary")
        album_card = albums.create(self.runtime, self.id, title="canary", description="canary")
        self.album_picture = albums.picture_for(self.runtime, album_card)
        self.mina.post(
            "/wishlist", {"idol_group": "IVE", "idol": "Liz"}, headers={"Idempotency-Key": "canary"}
        )

    def _swaps(self) -> None:
        self.kept_card = upload_card(self.mina, note="canary at home")
        self.given_card, juns = upload_card(self.mina, note="canary"), make_card(self.runtime, self.juns)
        self.trade = propose(self.runtime, self.id, self.juns, [self.given_card], [juns])
        accept(self.runtime, self.trade, self.juns)
        self._ship(self.id, self.juns)
        self._ship(self.juns, self.id)
        for who in (self.id, self.juns):
            complete(self.runtime, self.trade, who)
        called_off = propose(
            self.runtime,
            self.id,
            self.juns,
            [make_card(self.runtime, self.id)],
            [make_card(self.runtime, self.juns)],
        )
        assert self.mina.post(f"/trades/{called_off}/cancel").status_code == 200
        rate(self.runtime, self.id, self.juns, 5, trade_id=self.trade, comment="canary says thanks")
        rate(self.runtime, self.juns, self.id, 4, trade_id=self.trade, comment="thanks canary")
        befriend(self.runtime, self.eldest, self.id)
        propose(
            self.runtime,
            self.eldest,
            self.id,
            [make_card(self.runtime, self.eldest)],
            [make_card(self.runtime, self.id)],
        )
        self.live_trade = propose(
            self.runtime, self.juns, self.id, [make_card(self.runtime, self.juns)], [self.kept_card]
        )

    def _ship(self, sender_id: UUID, receiver_id: UUID) -> None:
        now = self.runtime.clock.now()
        self.connection.execute(
            insert(trade_shipments).values(
                id=self.runtime.new_id(),
                trade_id=self.trade,
                sender_id=sender_id,
                receiver_id=receiver_id,
                carrier="canary post",
                tracking_number="canary-123",
                created_at=now,
                updated_at=now,
            )
        )

    def _talks(self) -> None:
        self.threads = [
            talks.open_thread(self.runtime, self.id, other) for other in (self.juns, self.sanas, self.eldest)
        ]
        for thread in self.threads:
            talks.say(self.runtime, thread, self.id, "canary says hello")
        talks.say(self.runtime, self.threads[0], self.juns, "hello you")
        asked, asking = self._stranger("momo"), self._stranger("dahyun")
        talks.knock(self.runtime, self.id, asked.user_id, "canary asks")
        talks.knock(self.runtime, asking.user_id, self.id, "may I?")
        for blocker, blocked in ((self.mina, self._stranger("troll")), (self._stranger("victim"), self.mina)):
            blocker.post("/friends/block", {"user_id": str(blocked.user_id)})

    def _stranger(self, name: str) -> Person:
        return make_person(self.runtime, self.mina.client, name)

    def _posts(self) -> None:
        post = posts.make_post(self.runtime, self.id, title="canary", content="canary", idol="canary")
        removed = posts.make_post(self.runtime, self.id)
        posts.remove(self.runtime, removed, self.id)
        self.juns_post = posts.make_post(self.runtime, self.juns)
        posts.like(self.runtime, self.juns_post, self.id)
        posts.like(self.runtime, self.juns_post, self.sanas)
        posts.comment(self.runtime, self.juns_post, self.id, "canary comments")
        posts.comment(self.runtime, self.juns_post, self.sanas, "still there?")
        gone = posts.comment(self.runtime, self.juns_post, self.id, "canary regrets")
        posts.remove_comment(self.runtime, self.juns_post, gone, self.id)
        posts.want(self.runtime, self.juns_post, self.id)
        posts.like(self.runtime, post, self.juns)
        posts.comment(self.runtime, post, self.juns, "nice")
        posts.make_picture(self.runtime, self.id)

    def _moderates(self) -> None:
        """For a while she was a moderator."""
        self._set_role(Role.ADMIN)
        report = file_report(self.runtime, self.juns, self.sanas).report_id
        moderation.review(self.runtime.unit_of_work(), report_id=report, by=self.id)
        settle(self.runtime, report, self.id, Resolution.WARN)
        other = file_report(self.runtime, self.juns, self.sanas, reason=ReportReason.SPAM).report_id
        settle(self.runtime, other, self.root, Resolution.WARN)
        _, second = sanction_ids(self.connection, self.sanas)
        moderation.appeal(self.runtime.unit_of_work(), sanction_id=second, by=self.sanas, note="please")
        moderation.decide(
            self.runtime.unit_of_work(),
            sanction_id=second,
            by=self.id,
            outcome=AppealOutcome.UPHELD,
            note="no",
        )
        card = wishes.photocard(self.runtime, self.id, "Gaeul")
        photocards.curate(
            self.runtime.unit_of_work(), photocard_id=card, by=self.id, changes={"status": "verified"}
        )
        self._set_role(Role.USER)

    def _set_role(self, role: Role) -> None:
        uow = self.runtime.unit_of_work()
        with uow:
            uow.users.get(self.id).role = role
            uow.commit()

    def _is_moderated(self) -> None:
        file_report(self.runtime, self.id, self.sanas, target=(ReportTarget.USER, self.sanas))
        against = file_report(self.runtime, self.juns, self.id, target=(ReportTarget.USER, self.id)).report_id
        settle(self.runtime, against, self.root, Resolution.WARN)
        self.connection.execute(
            text(
                "UPDATE reports SET detail = 'canary did it', note = 'canary noted'"
                " WHERE :she IN (reporter_id, reported_user_id)"
            ),
            {"she": self.id},
        )

    def _is_told(self) -> None:
        """Let everybody know of everything that happened."""
        columns = (
            *(outbox.c.id, outbox.c.event_type, outbox.c.aggregate_id, outbox.c.payload),
            *(outbox.c.request_id, outbox.c.created_at),
        )
        for row in self.connection.execute(select(*columns).order_by(outbox.c.id)).all():
            notifications.notify(self.runtime.unit_of_work(), StoredEvent(*row))


def found(connection: Connection, *needles: str) -> set[str]:
    """Return the tables in which any of these texts is anywhere in a row."""
    tables = set()
    for table in metadata.sorted_tables:
        for needle in needles:
            rows = connection.execute(
                text(f'SELECT count(*) FROM "{table.name}" AS each WHERE each::text ILIKE :needle'),
                {"needle": f"%{needle}%"},
            )
            if rows.scalar_one():
                tables.add(table.name)
    return tables


def columns_naming(connection: Connection, user_id: UUID) -> set[str]:
    """Return the columns of ids in which this one is."""
    return {
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if str(column.type) in ("UUID", "CHAR(32)")
        and connection.execute(select(column).where(column == user_id).limit(1)).first() is not None
    }


ERASED_AFTER: dict[str, float] = {"days": 14, "minutes": 1}
LEGALLY_KEPT = {"audit_log", "outbox"}
"""Rows with ids alone: what administrators did, and events, which are purged after a week."""
