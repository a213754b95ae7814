"""Writing, editing, closing, expiring and deleting posts on a real database."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.errors import LimitExceeded, NotOwner, ValidationFailed
from kcardswap.domain.media import MediaAlreadyAttached, MediaNotConfirmed, MediaNotFound
from kcardswap.domain.personal_data import PersonalDataTold
from kcardswap.domain.posts import CategoryRestricted, PostCategory, PostNotFound, PostNotOpen, PostScope
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.moderation import audit_log
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.posts import posts
from kcardswap.runtime import Runtime
from kcardswap.services import media as media_services
from kcardswap.services import posts as services
from tests.conftest import MovableClock
from tests.people import delete, make_user
from tests.pictures import stored
from tests.posts import (
    accept_interest,
    close,
    comment,
    create,
    edit,
    make_picture,
    make_post,
    reject_interest,
    remove,
    remove_comment,
    want,
)
from tests.premium import make_premium
from tests.swaps import make_card


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


def row(connection: Connection, post_id: UUID) -> Any:
    return connection.execute(select(posts).where(posts.c.id == post_id)).one()


def events(connection: Connection, post_id: UUID) -> list[Any]:
    statement = select(outbox.c.event_type, outbox.c.payload).where(outbox.c.aggregate_id == post_id)
    return list(connection.execute(statement.order_by(outbox.c.id)))


def attach(runtime: Runtime, media_id: UUID, post_id: UUID, by: UUID) -> None:
    media_services.attach_to_post(runtime.unit_of_work(), media_id=media_id, post_id=post_id, by=by)


def test_a_post_is_stored_with_its_event(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    post_id = create(runtime, mina, idol="Yu Jin!", idol_group="ＩＶＥ")
    stored_post = row(connection, post_id)
    assert (stored_post.owner_id, stored_post.scope, stored_post.city_code) == (mina, "global", None)
    assert (stored_post.category, stored_post.status) == ("trade", "open")
    assert (stored_post.idol_norm, stored_post.idol_group_norm) == ("yujin", "ive")
    assert stored_post.expires_at == clock.now() + timedelta(days=14)
    ids = {"post_id": str(post_id), "owner_id": str(mina)}
    assert events(connection, post_id) == [("PostCreated", ids)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("global", None)),
        ({"city_code": "TPE"}, ("city", "TPE")),
        ({"scope": PostScope.CITY, "city_code": "KIN"}, ("city", "KIN")),
        ({"scope": PostScope.GLOBAL, "city_code": None}, ("global", None)),
    ],
    ids=["nothing", "a city", "both", "everybody"],
)
def test_a_city_alone_makes_it_a_post_for_that_city(
    runtime: Runtime, connection: Connection, mina: UUID, given: dict[str, Any], expected: tuple[str, Any]
) -> None:
    made = row(connection, create(runtime, mina, **given))
    assert (made.scope, made.city_code) == expected


@pytest.mark.parametrize(
    "given", [{"scope": PostScope.CITY}, {"scope": PostScope.GLOBAL, "city_code": "TPE"}], ids=str
)
def test_scope_and_city_have_to_go_together(runtime: Runtime, mina: UUID, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        create(runtime, mina, **given)
    assert [error["field"] for error in refusal.value.details["errors"]] == ["city_code"]  # type: ignore[attr-defined]


def test_a_post_ends_in_the_future_and_at_most_ninety_days_ahead(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    now = clock.now()
    for wrong in (now - timedelta(days=1), now, now + timedelta(days=90, microseconds=1)):
        with pytest.raises(ValidationFailed):
            create(runtime, mina, expires_at=wrong)
    longest = create(runtime, mina, expires_at=now + timedelta(days=90))
    assert row(connection, longest).expires_at == now + timedelta(days=90)


def test_only_administrators_announce(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    with pytest.raises(CategoryRestricted):
        create(runtime, mina, category=PostCategory.ANNOUNCEMENT)
    post_id = create(runtime, mina)
    with pytest.raises(CategoryRestricted):
        edit(runtime, post_id, mina, category=PostCategory.ANNOUNCEMENT)
    announced = create(runtime, mina, may_announce=True, category=PostCategory.ANNOUNCEMENT)
    assert row(connection, announced).category == "announcement"


def test_personal_data_is_refused_in_new_and_in_changed_texts(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    with pytest.raises(PersonalDataTold):
        create(runtime, mina, content="0912-345-678")
    post_id = create(runtime, mina)
    with pytest.raises(PersonalDataTold):
        edit(runtime, post_id, mina, title="忠孝東路四段100號")
    # A bad text is bad wherever it was meant for.
    for post, by in ((post_id, jun), (uuid4(), mina)):
        with pytest.raises(PersonalDataTold):
            edit(runtime, post, by, content="0912-345-678")
    assert row(connection, post_id).title == "求換 LOVE DIVE"


def test_the_posts_of_a_day_are_counted_and_never_given_back(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    remove(runtime, create(runtime, mina), mina)
    close(runtime, create(runtime, mina), mina)
    with pytest.raises(LimitExceeded) as refusal:
        create(runtime, mina)
    resets = runtime.quota_calendar.day(clock.now()).reset_at
    assert dict(refusal.value.details) == {
        "limit_key": "posts_per_day",
        "limit_value": 2,
        "current_value": 2,
        "reset_at": resets,
    }
    clock.moment = resets
    create(runtime, mina)


def test_premium_writes_twenty_posts_a_day(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    for _ in range(20):
        create(runtime, mina)
    with pytest.raises(LimitExceeded):
        create(runtime, mina)


def test_a_refused_post_costs_nothing(runtime: Runtime, mina: UUID) -> None:
    with pytest.raises(PersonalDataTold):
        create(runtime, mina, content="0912-345-678")
    create(runtime, mina)
    create(runtime, mina)


def test_editing_changes_what_is_given_and_nothing_else(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    post_id = create(runtime, mina, idol="Yujin", idol_group="IVE")
    clock.advance(minutes=1)
    edit(runtime, post_id, mina, title="送出", idol=None, category=PostCategory.GIVEAWAY)
    edited = row(connection, post_id)
    assert (edited.title, edited.category, edited.content) == (
        "送出",
        "giveaway",
        "我有 Wonyoung，想換 Yujin。",
    )
    assert (edited.idol, edited.idol_norm, edited.idol_group_norm) == (None, None, "ive")
    assert edited.updated_at == clock.now()


def test_only_the_owner_edits_closes_and_deletes(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    post_id = create(runtime, mina)
    for refused in (
        partial(edit, runtime, post_id, jun, title="mine"),
        partial(close, runtime, post_id, jun),
        partial(remove, runtime, post_id, jun),
    ):
        with pytest.raises(NotOwner):
            refused()


def test_posts_of_people_who_left_are_not_there_for_writers_either(
    runtime: Runtime, mina: UUID, jun: UUID
) -> None:
    post_id = create(runtime, mina)
    interest_id, comment_id = want(runtime, post_id, jun), comment(runtime, post_id, jun)
    delete(runtime, mina)
    for gone in (
        partial(edit, runtime, post_id, jun, title="mine"),
        partial(close, runtime, post_id, jun),
        partial(remove, runtime, post_id, jun),
        partial(remove, runtime, post_id, jun, may_moderate=True),
        partial(remove_comment, runtime, post_id, comment_id, jun),
        partial(accept_interest, runtime, post_id, interest_id, jun),
        partial(reject_interest, runtime, post_id, interest_id, jun),
    ):
        with pytest.raises(PostNotFound):
            gone()


def test_closing_twice_is_closing_once(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    post_id = create(runtime, mina)
    close(runtime, post_id, mina)
    close(runtime, post_id, mina)
    assert row(connection, post_id).status == "closed"
    assert [event.event_type for event in events(connection, post_id)] == ["PostCreated", "PostClosed"]


def test_what_is_no_longer_open_is_not_edited_or_closed(
    runtime: Runtime, clock: MovableClock, mina: UUID
) -> None:
    closed, expired = make_post(runtime, mina), make_post(runtime, mina)
    close(runtime, closed, mina)
    clock.advance(days=14)
    for post_id, status in ((closed, "closed"), (expired, "expired")):
        with pytest.raises(PostNotOpen) as refusal:
            edit(runtime, post_id, mina, title="late")
        assert refusal.value.details == {"reason": "post_not_open", "status": status}
    with pytest.raises(PostNotOpen):
        close(runtime, expired, mina)


def test_a_deleted_post_is_gone(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    post_id = create(runtime, mina)
    remove(runtime, post_id, mina)
    for refused in (
        partial(edit, runtime, post_id, mina, title="late"),
        partial(remove, runtime, post_id, mina),
        partial(remove, runtime, post_id, jun, may_moderate=True),
        partial(close, runtime, post_id, jun),
        partial(close, runtime, uuid4(), mina),
    ):
        with pytest.raises(PostNotFound):
            refused()
    with pytest.raises(PostNotOpen) as refusal:
        close(runtime, post_id, mina)
    assert refusal.value.details["status"] == "deleted"


def test_what_its_owner_deletes_is_not_in_the_audit_log(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    own, foreign = create(runtime, mina), create(runtime, jun)
    remove(runtime, own, mina, may_moderate=True)
    remove(runtime, foreign, mina, may_moderate=True)
    audited = connection.execute(select(audit_log)).one()
    assert (audited.actor_id, audited.action, audited.target_type) == (mina, "delete_post", "post")
    assert (audited.target_id, audited.details) == (foreign, {"owner_id": str(jun)})
    assert row(connection, foreign).deleted_by == mina
    assert events(connection, foreign)[-1] == (
        "PostDeleted",
        {"post_id": str(foreign), "owner_id": str(jun), "deleted_by": str(mina)},
    )


def test_the_job_stores_that_the_time_is_over(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    over = [make_post(runtime, mina) for _ in range(3)]
    closed = make_post(runtime, mina)
    close(runtime, closed, mina)
    clock.advance(days=1)
    later = make_post(runtime, mina)
    clock.advance(days=13)
    assert services.expire_overdue(runtime.unit_of_work(), limit=2) == 2
    assert services.expire_overdue(runtime.unit_of_work(), limit=2) == 1
    assert services.expire_overdue(runtime.unit_of_work(), limit=2) == 0
    assert {row(connection, post_id).status for post_id in over} == {"expired"}
    assert (row(connection, closed).status, row(connection, later).status) == ("closed", "open")


# Pictures


def picture(connection: Connection, media_id: UUID) -> Any:
    return connection.execute(select(media_assets).where(media_assets.c.id == media_id)).one()


def test_pictures_keep_the_order_of_attaching(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    make_premium(runtime, mina)
    post_id = create(runtime, mina)
    pictures = [make_picture(runtime, mina) for _ in range(4)]
    for media_id in reversed(pictures):
        attach(runtime, media_id, post_id, mina)
    places = {media_id: picture(connection, media_id).position for media_id in pictures}
    assert places == {media_id: 3 - n for n, media_id in enumerate(pictures)}
    with pytest.raises(LimitExceeded) as refusal:
        attach(runtime, make_picture(runtime, mina), post_id, mina)
    assert refusal.value.details["limit_key"] == "post_images_per_post_max"
    assert refusal.value.details["reset_at"] is None


def test_attaching_again_changes_nothing_even_when_the_post_is_full(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    post_id, media_id = create(runtime, mina), make_picture(runtime, mina)
    attach(runtime, media_id, post_id, mina)
    attach(runtime, media_id, post_id, mina)
    assert picture(connection, media_id).position == 0
    with pytest.raises(LimitExceeded):
        attach(runtime, make_picture(runtime, mina), post_id, mina)


def test_refusals_of_attaching_come_in_their_order(
    runtime: Runtime, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    post_id, foreign_post = create(runtime, mina), create(runtime, jun)
    other_post, closed = make_post(runtime, mina), make_post(runtime, mina)
    close(runtime, closed, mina)
    mine, foreign = make_picture(runtime, mina), make_picture(runtime, jun)
    unchecked, used = make_picture(runtime, mina, confirmed=False), make_picture(runtime, mina)
    attach(runtime, used, other_post, mina)
    card = make_card(runtime, mina)
    uow = runtime.unit_of_work()
    with uow:
        card_picture = uow.cards.get(card).media_asset_id
    assert card_picture is not None
    tried: list[tuple[UUID, UUID, type[Exception]]] = [
        (uuid4(), uuid4(), MediaNotFound),
        (card_picture, post_id, MediaNotFound),
        (foreign, uuid4(), PostNotFound),
        (foreign, post_id, NotOwner),
        (mine, foreign_post, NotOwner),
        (unchecked, closed, MediaNotConfirmed),
        (used, closed, PostNotOpen),
        (used, post_id, MediaAlreadyAttached),
        (mine, other_post, LimitExceeded),
    ]
    for media_id, target, refusal in tried:
        with pytest.raises(refusal):
            attach(runtime, media_id, target, mina)
    clock.advance(days=14)
    with pytest.raises(PostNotOpen):
        attach(runtime, mine, post_id, mina)


def test_the_pictures_of_a_deleted_post_go_with_it(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    post_id, media_id = create(runtime, mina), make_picture(runtime, mina)
    attach(runtime, media_id, post_id, mina)
    remove(runtime, post_id, mina)
    deleted = picture(connection, media_id)
    assert (deleted.status, deleted.target_id) == ("deleted", None)
    assert [event.event_type for event in events(connection, media_id)] == ["MediaConfirmed", "MediaDeleted"]
    assert stored(runtime, deleted.object_key) is None
    with pytest.raises(PostNotFound):
        attach(runtime, make_picture(runtime, mina), post_id, mina)
