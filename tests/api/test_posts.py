"""Posts over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain.accounts import Role
from kcardswap.persistence.orm.posts import posts
from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, delete, invalid_fields, refused, suspend
from tests.posts import make_picture, make_post
from tests.premium import make_premium

BODY = {"title": "求換 LOVE DIVE", "content": "我有 Wonyoung，想換 Yujin。"}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


@pytest.fixture
def root(person: MakePerson) -> Person:
    return person("root", Role.ADMIN)


@pytest.fixture
def path(runtime: Runtime, mina: Person) -> str:
    """Where an open post of Mina is."""
    return f"/posts/{make_post(runtime, mina.user_id)}"


def write(person: Person, **body: Any) -> Any:
    return data(person.post("/posts", {**BODY, **body}), 201)


def block(by: Person, target: Person) -> None:
    data(by.post("/friends/block", {"user_id": str(target.user_id)}))


def test_categories_are_told_to_everybody_in_their_order(client: FlaskClient) -> None:
    answer = client.get(f"{API}/posts/categories")
    assert [(row["value"], row["label"]) for row in data(answer)["categories"]] == [
        ("trade", "求換"),
        ("giveaway", "送出"),
        ("group", "揪團"),
        ("showcase", "展示"),
        ("help", "求助"),
        ("announcement", "公告"),
    ]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(f"{API}/posts/categories", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_post_is_written_and_read(clock: MovableClock, mina: Person, jun: Person) -> None:
    written = write(mina, idol=" Yujin ", idol_group="IVE", city_code="TPE")
    now = clock.now()
    assert written == {
        "id": written["id"],
        "owner_id": str(mina.user_id),
        "owner_nickname": "Mina",
        "owner_avatar_url": None,
        "scope": "city",
        "city_code": "TPE",
        "category": "trade",
        **BODY,
        "idol": "Yujin",
        "idol_group": "IVE",
        "status": "open",
        "like_count": 0,
        "liked_by_me": False,
        "can_message": False,
        "comment_count": 0,
        "media_asset_ids": [],
        "expires_at": to_json_time(now + timedelta(days=14)),
        "created_at": to_json_time(now),
        "updated_at": to_json_time(now),
    }
    assert data(jun.get(f"/posts/{written['id']}")) == {**written, "can_message": True}
    listed = data(jun.get("/posts"))
    assert (listed["total"], [post["id"] for post in listed["posts"]]) == (1, [written["id"]])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": None}, "title"),
        ({"content": ""}, "content"),
        ({"content": "x" * 5001}, "content"),
        ({"idol": "x" * 101}, "idol"),
        ({"idol_group": "x" * 101}, "idol_group"),
        ({"category": "sale"}, "category"),
        ({"scope": "moon"}, "scope"),
        ({"city_code": "ZZZ"}, "city_code"),
        ({"city_code": "tpe"}, "city_code"),
        ({"scope": "city"}, "city_code"),
        ({"scope": "global", "city_code": "TPE"}, "city_code"),
        ({"expires_at": "yesterday"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2199-01-01T00:00:00Z"}, "expires_at"),
    ],
    ids=str,
)
def test_a_post_that_is_not_well_formed_is_refused(mina: Person, change: dict[str, Any], field: str) -> None:
    assert invalid_fields(mina.post("/posts", {**BODY, **change})) == {field}


def test_the_longest_texts_fit(mina: Person) -> None:
    longest = {"title": "題" * 120, "content": "文" * 5000, "idol": "偶" * 100, "idol_group": "團" * 100}
    assert write(mina, **longest).items() >= longest.items()


def test_personal_data_is_refused_by_field(mina: Person, path: str) -> None:
    told = {"title": "打給我 ０９１２－３４５－６７８", "content": "寄到忠孝東路四段100號"}
    for answer in (mina.post("/posts", told), mina.patch(path, told)):
        details = refused(answer, 400, "400_VALIDATION_FAILED")
        assert [(error["field"], error["type"]) for error in details["errors"]] == [
            ("title", "pii"),
            ("content", "pii"),
        ]
    assert invalid_fields(mina.patch(path, {"content": "+886912345678"})) == {"content"}


def test_announcements_are_for_administrators(mina: Person, root: Person, path: str) -> None:
    restricted = (403, "403_FORBIDDEN", "category_restricted")
    refused(mina.post("/posts", {**BODY, "category": "announcement"}), *restricted)
    refused(mina.patch(path, {"category": "announcement"}), *restricted)
    assert write(root, category="announcement")["category"] == "announcement"


def test_the_third_post_of_a_day_is_refused(runtime: Runtime, clock: MovableClock, mina: Person) -> None:
    for _ in range(2):
        data(mina.post("/posts", BODY), 201)
    details = refused(mina.post("/posts", BODY), 422, "422_LIMIT_EXCEEDED")
    resets = runtime.quota_calendar.day(clock.now()).reset_at
    assert details == {
        "limit_key": "posts_per_day",
        "limit_value": 2,
        "current_value": 2,
        "reset_at": to_json_time(resets),
    }
    make_premium(runtime, mina.user_id)
    write(mina)
    quotas = {row["limit_key"]: row for row in data(mina.get("/quotas/me"))["items"]}
    assert (quotas["posts_per_day"]["current_value"], quotas["posts_per_day"]["limit_value"]) == (3, 20)
    assert quotas["post_images_per_post_max"]["limit_value"] == 4


def test_a_repeated_key_writes_one_post(mina: Person, connection: Connection) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (mina.post("/posts", BODY, headers=headers) for _ in range(2))
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(connection.execute(select(posts.c.id)).all()) == 1


def test_the_feed_is_filtered(runtime: Runtime, mina: Person, jun: Person) -> None:
    everywhere = str(make_post(runtime, mina.user_id, idol="Yujin", idol_group="IVE"))
    taipei = str(make_post(runtime, jun.user_id, city_code="TPE"))

    def listed(query: str) -> list[str]:
        return [post["id"] for post in data(jun.get(f"/posts?{query}"))["posts"]]

    assert set(listed("")) == {everywhere, taipei}
    assert listed("city_code=TPE") == [taipei]
    assert listed("category=giveaway") == []
    assert listed("idol=YU%20JIN") == listed("idol_group=ive") == [everywhere]
    assert listed(f"owner_id={jun.user_id}") == [taipei]
    for query, field in (
        ("city_code=ZZZ", "city_code"),
        ("category=sale", "category"),
        ("owner_id=mina", "owner_id"),
    ):
        assert invalid_fields(jun.get(f"/posts?{query}")) == {field}


def test_the_feed_is_read_by_cursor_and_by_offset(
    runtime: Runtime, clock: MovableClock, mina: Person
) -> None:
    made = []
    for _ in range(5):
        clock.advance(seconds=1)
        made.append(str(make_post(runtime, mina.user_id)))
    first = mina.get("/posts?limit=2").get_json()
    assert (first["data"]["total"], first["meta"]["total_pages"]) == (5, 3)
    cursor = first["meta"]["next_cursor"]
    # What is written meanwhile shifts nothing.
    make_post(runtime, mina.user_id)
    second = mina.get(f"/posts?limit=2&cursor={cursor}").get_json()
    assert second["data"]["total"] is None
    rows = [*first["data"]["posts"], *second["data"]["posts"]]
    assert [post["id"] for post in rows] == made[:0:-1]
    assert invalid_fields(mina.get(f"/posts?limit=2&city_code=TPE&cursor={cursor}")) == {"cursor"}


def test_posts_are_not_sent_twice_to_whoever_has_them(mina: Person, path: str) -> None:
    for read in (path, "/posts", f"{path}/comments"):
        answer = mina.get(read)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        etag = {"If-None-Match": answer.headers["ETag"]}
        assert mina.get(read, headers=etag).status_code == 304
    data(mina.post(f"{path}/like"))
    assert mina.get(path, headers=etag).status_code == 200


def test_editing_changes_the_given_fields(clock: MovableClock, mina: Person, jun: Person, path: str) -> None:
    clock.advance(minutes=5)
    edited = data(mina.patch(path, {"title": " 送出 ", "category": "giveaway", "idol_group": "IVE"}))
    assert (edited["title"], edited["category"], edited["idol_group"]) == ("送出", "giveaway", "IVE")
    assert edited["content"] == BODY["content"]
    assert edited["updated_at"] == to_json_time(clock.now())
    assert data(mina.patch(path, {"idol_group": None}))["idol_group"] is None
    assert invalid_fields(mina.patch(path, {"title": None})) == {"title"}
    assert invalid_fields(mina.patch(path, {"content": " "})) == {"content"}
    refused(jun.patch(path, {"title": "mine"}), 403, "403_FORBIDDEN", "not_owner")


def test_closing_ends_reactions_and_repeats_safely(mina: Person, jun: Person, path: str) -> None:
    refused(jun.post(f"{path}/close"), 403, "403_FORBIDDEN", "not_owner")
    for _ in range(2):
        assert mina.post(f"{path}/close").status_code == 204
    assert data(jun.get(path))["status"] == "closed"
    assert data(jun.get("/posts"))["posts"] == []
    for answer in (mina.patch(path, {"title": "late"}), jun.post(f"{path}/like")):
        assert refused(answer, 422, "422_INVALID_STATE", "post_not_open")["status"] == "closed"


def test_a_post_past_its_end_is_expired_before_any_job_ran(
    clock: MovableClock, person: MakePerson, mina: Person, path: str
) -> None:
    clock.advance(days=14)
    mina = person("mina")
    assert data(mina.get(path))["status"] == "expired"
    assert data(mina.get("/posts"))["total"] == 0
    for answer in (mina.post(f"{path}/close"), mina.patch(path, {"title": "late"})):
        assert refused(answer, 422, "422_INVALID_STATE", "post_not_open")["status"] == "expired"


def test_a_deleted_post_is_there_for_administrators_only(
    mina: Person, jun: Person, root: Person, path: str
) -> None:
    refused(jun.delete(path), 403, "403_FORBIDDEN", "not_owner")
    assert mina.delete(path).status_code == 204
    for person in (mina, jun):
        for read in (path, f"{path}/comments"):
            assert refused(person.get(read), 404, "404_NOT_FOUND") == {"resource_type": "post"}
    assert data(root.get(path))["status"] == "deleted"
    refused(mina.delete(path), 404, "404_NOT_FOUND")
    assert (
        refused(mina.post(f"{path}/close"), 422, "422_INVALID_STATE", "post_not_open")["status"] == "deleted"
    )
    refused(jun.post(f"{path}/like"), 404, "404_NOT_FOUND")


def test_what_an_administrator_deletes_is_in_the_audit_log(root: Person, path: str) -> None:
    assert root.delete(path, headers={"X-Request-ID": "moderation-1"}).status_code == 204
    (entry,) = data(root.get("/admin/audit-log?action=delete_post"))["entries"]
    assert (entry["actor_id"], entry["target_type"]) == (str(root.user_id), "post")
    assert entry["target_id"] == path.removeprefix("/posts/")


def test_whoever_is_blocked_reads_nothing_and_writes_nothing(mina: Person, jun: Person, path: str) -> None:
    interest = data(jun.post(f"{path}/interest"), 201)
    block(mina, jun)
    reads = (path, f"{path}/comments", f"{path}/interests", f"{path}/interests/{interest['id']}")
    for read in reads:
        refused(jun.get(read), 404, "404_NOT_FOUND")
    for answer in (
        jun.post(f"{path}/like"),
        jun.post(f"{path}/comments", {"content": "hi"}),
        jun.post(f"{path}/interest"),
        mina.post(f"{path}/interests/{interest['id']}/accept"),
    ):
        refused(answer, 403, "403_BLOCKED", "blocked")
    assert data(jun.get("/posts"))["total"] == 0


def test_the_blocker_still_reads_what_the_feed_leaves_out(mina: Person, jun: Person, path: str) -> None:
    block(jun, mina)
    assert data(jun.get(path))["can_message"] is False
    assert data(jun.get("/posts"))["total"] == 0
    refused(jun.post(f"{path}/like"), 403, "403_BLOCKED", "blocked")


def test_suspended_owners_are_readable_by_id_and_deleted_ones_gone(
    runtime: Runtime, mina: Person, jun: Person, path: str
) -> None:
    suspend(runtime, mina.user_id)
    assert data(jun.get("/posts"))["total"] == 0
    assert data(jun.get(path))["status"] == "open"
    refused(jun.post(f"{path}/interest"), 404, "404_NOT_FOUND")
    for write_again in (mina.post("/posts", BODY), mina.post(f"{path}/close")):
        refused(write_again, 403, "403_FORBIDDEN", "account_suspended")
    delete(runtime, mina.user_id)
    refused(jun.get(path), 404, "404_NOT_FOUND")


# Pictures


def attach(person: Person, media_id: object, path: str) -> Any:
    return person.post(f"/media{path}/attach", {"media_id": str(media_id)})


def test_a_picture_is_attached_and_seen_by_others(
    runtime: Runtime, mina: Person, jun: Person, path: str
) -> None:
    media_id = make_picture(runtime, mina.user_id)
    for _ in range(2):
        assert data(attach(mina, media_id, path)) == {
            "media_id": str(media_id),
            "status": "attached",
            "attached_to": "post",
            "target_id": path.removeprefix("/posts/"),
        }
    assert data(jun.get(path))["media_asset_ids"] == [str(media_id)]
    urls = data(jun.post("/media/read-urls", {"media_asset_ids": [str(media_id)]}))["urls"]
    assert set(urls) == {str(media_id)}
    block(mina, jun)
    assert data(jun.post("/media/read-urls", {"media_asset_ids": [str(media_id)]}))["urls"] == {}


def test_refusals_of_attaching(runtime: Runtime, mina: Person, jun: Person, path: str) -> None:
    mine, foreign = make_picture(runtime, mina.user_id), make_picture(runtime, jun.user_id)
    unchecked = make_picture(runtime, mina.user_id, confirmed=False)
    unknown = f"/posts/{uuid4()}"
    assert refused(attach(mina, uuid4(), path), 404, "404_NOT_FOUND") == {"resource_type": "media"}
    assert refused(attach(mina, mine, unknown), 404, "404_NOT_FOUND") == {"resource_type": "post"}
    refused(attach(mina, foreign, path), 403, "403_FORBIDDEN", "not_owner")
    refused(attach(jun, foreign, path), 403, "403_FORBIDDEN", "not_owner")
    refused(attach(mina, unchecked, path), 422, "422_INVALID_STATE", "media_not_confirmed")
    other = f"/posts/{make_post(runtime, mina.user_id)}"
    data(attach(mina, mine, path))
    refused(attach(mina, mine, other), 409, "409_CONFLICT", "media_already_attached")
    second = make_picture(runtime, mina.user_id)
    details = refused(attach(mina, second, path), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["limit_value"]) == ("post_images_per_post_max", 1)
    assert mina.post(f"{other}/close").status_code == 204
    refused(attach(mina, second, other), 422, "422_INVALID_STATE", "post_not_open")


def test_the_job_expires_posts(app: Flask, connection: Connection, clock: MovableClock, path: str) -> None:
    clock.advance(days=14)
    done = app.test_cli_runner().invoke(args=["jobs", "run", "expire-posts"])
    assert "Expired 1 posts." in done.output
    stored = select(posts.c.status).where(posts.c.id == UUID(path.removeprefix("/posts/")))
    assert connection.scalar(stored) == "expired"
