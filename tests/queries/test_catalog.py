"""Groups, releases and photocards: what is found, in which order, and what never is."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, event, text, update

from kcardswap.domain.cards import PhotocardNotFound
from kcardswap.domain.catalog import GroupNotFound, PhotocardStatus, search_text
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards
from kcardswap.queries.catalog import group_with_members, groups_found, releases_found
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.photocards import photocard, photocards_found
from kcardswap.queries.search import words_of
from kcardswap.runtime import Runtime
from tests import binders
from tests.people import delete, sign_in, suspend
from tests.photocards import Shelf, group_named, merge, put_photocard, submit
from tests.wishes import wish

PAGE = PageRequest(50)
MANY_PHOTOCARDS = text(
    """
    INSERT INTO photocards (id, source, status, match_key, search_text, created_at, updated_at)
    SELECT gen_random_uuid(), 'album', 'pending', encode(sha256(n::text::bytea), 'hex'),
           ' group' || n % 500 || ' member' || n % 3000 || ' ' || md5(n::text) || ' ',
           now() - n * interval '1 second', now()
    FROM generate_series(1, 5000) AS n
    """
)
MANY_TEXTS = text(
    """
    INSERT INTO photocard_texts (photocard_id, place, text)
    SELECT id, 1000000 + octet_length(search_text), search_text FROM photocards
    """
)
MANY_ALIASES = text(
    """
    INSERT INTO catalog_aliases (id, group_id, locale, text, norm, created_at, updated_at)
    SELECT gen_random_uuid(), (SELECT id FROM catalog_groups WHERE slug = 'ive'), 'en', md5(n::text),
           md5(n::text), now(), now()
    FROM generate_series(1, 10000) AS n
    """
)


@pytest.fixture
def shelf(runtime: Runtime, connection: Connection) -> Shelf:
    return Shelf(runtime, connection)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return sign_in(runtime, "mina").user_id


def put(connection: Connection, runtime: Runtime, version: str, *names: str, **values: Any) -> UUID:
    """Put a photocard straight into the table, searched by ``names`` and its version."""
    id, now = runtime.new_id(), runtime.clock.now()
    row = {
        "id": id,
        "version": version,
        "source": "album",
        "status": "pending",
        "match_key": id.hex * 2,
        "search_text": search_text([*names, version]),
        "created_at": now,
        "updated_at": now,
        **values,
    }
    put_photocard(connection, **row)
    return id


def versions(connection: Connection, q: str | None, page: PageRequest = PAGE, **filters: Any) -> list[Any]:
    return [row.version for row in photocards_found(connection, filters=filters, q=q, page=page).rows]


@pytest.mark.parametrize(
    "q",
    [
        "ive wonyoung",
        "WONYOUNG  ive",
        "아이브 원영",
        "원영 ive",
        "wonyou",
        "아이브",
        "ｉｖｅ",
        "iv",
        "원",
        "ive a1",
    ],
)
def test_all_words_are_found_in_any_order_and_writing(
    connection: Connection, runtime: Runtime, q: str
) -> None:
    put(connection, runtime, "A1", "IVE", "아이브", "Wonyoung", "원영")
    put(connection, runtime, "B", "BTS", "방탄소년단", "RM")
    assert versions(connection, q) == ["A1"]


@pytest.mark.parametrize("q", ["wonyuong", "wonyong iev"[:7], "아이부", "newjeens"])
def test_typing_errors_are_forgiven_where_nothing_fits_exactly(
    connection: Connection, runtime: Runtime, shelf: Shelf, q: str
) -> None:
    shelf.member(group_named(connection, "ive"), "Wonyoung")
    put(connection, runtime, "A", "IVE", "아이브", "Wonyoung", "NewJeans")
    put(connection, runtime, "B", "BTS", "방탄소년단", "RM")
    assert versions(connection, q) == ["A"]


def test_nothing_similar_is_shown_beside_what_fits_exactly(connection: Connection, runtime: Runtime) -> None:
    put(connection, runtime, "A", "newjeans")
    put(connection, runtime, "B", "newjeanz")
    assert versions(connection, "newjeanz") == ["B"]


@pytest.mark.parametrize("q", ["!!", "zzzzzz", "i", "ve", "%", "_", "ive zzzzzz"])
def test_what_is_not_there_is_not_found(connection: Connection, runtime: Runtime, q: str) -> None:
    put(connection, runtime, "A", "IVE")
    assert versions(connection, q) == []


def test_one_letter_is_a_whole_word_and_two_begin_one(connection: Connection, runtime: Runtime) -> None:
    put(connection, runtime, "1", "V", "BTS")
    put(connection, runtime, "2", "Vernon", "SEVENTEEN")
    assert versions(connection, "v") == ["1"]
    assert versions(connection, "ve") == ["2"]
    assert versions(connection, "ern") == ["2"]


@pytest.mark.parametrize(
    "q", ["get up", "haerin get up", "what is love", "is love", "i am", "g idle", "What Iz Love"]
)
def test_short_words_of_longer_names_are_found_beside_their_neighbours(
    connection: Connection, runtime: Runtime, q: str
) -> None:
    put(connection, runtime, "A", "Haerin", "Get Up", "What Is Love", "What Iz Love", "I AM", "(G)I-DLE")
    put(connection, runtime, "B", "Haein", "Jet Ups", "Lovely", "Amber")
    assert versions(connection, q) == ["A"]


def test_verified_come_first_then_whole_words_then_those_with_fewer_names(
    connection: Connection, runtime: Runtime
) -> None:
    group = group_named(connection, "ive")
    verified = {"status": "verified", "group_id": group}
    put(connection, runtime, "pending", "dive")
    put(connection, runtime, "part", "dive", **verified)
    put(connection, runtime, "long", "ive", "another name", **verified)
    put(connection, runtime, "whole", "ive", **verified)
    assert versions(connection, "ive") == ["whole", "long", "part", "pending"]


def test_of_several_words_each_that_is_a_whole_one_counts(connection: Connection, runtime: Runtime) -> None:
    verified = {"status": "verified", "group_id": group_named(connection, "ive")}
    put(connection, runtime, "none", "dive", "reina", **verified)
    put(connection, runtime, "one", "ive", "reina", "another name", **verified)
    put(connection, runtime, "both", "ive", "rei", "another name", **verified)
    assert versions(connection, "ive rei") == ["both", "one", "none"]


def test_merged_photocards_are_in_no_list(connection: Connection, runtime: Runtime, mina: UUID) -> None:
    old, kept = (submit(runtime, mina, idol_group="IVE", version=version).photocard_id for version in "AB")
    merge(runtime, old, kept, mina)
    for q in (None, "ive", "ivee"):
        assert versions(connection, q) == ["B"]
    assert photocard(connection, photocard_id=old, now=runtime.clock.now()).photocard.id == kept


def test_whole_words_of_many_photocards_fill_pages_in_the_same_order_as_of_few(
    connection: Connection, runtime: Runtime
) -> None:
    verified = {"status": "verified", "group_id": group_named(connection, "ive")}
    for n in range(6):
        put(connection, runtime, f"whole{n}", "ive", *("another name",) * (n % 2), **verified)
        put(connection, runtime, f"part{n}", "dive", *("another name",) * (n % 2), **verified)
        put(connection, runtime, f"pending{n}", "ive" if n % 2 else "dive")
    whole = versions(connection, "ive")
    assert [version.rstrip("0123456789") for version in whole] == ["whole"] * 6 + ["part"] * 6 + [
        "pending"
    ] * 6
    assert whole[-3:] == ["pending0", "pending2", "pending4"]
    for size in (1, 4, 5, 7):
        pages = range(0, 18, size)
        assert [v for n in pages for v in versions(connection, "ive", PageRequest(size, n))] == whole
        seen, page = list[Any](), PageRequest(size)
        while True:
            found = photocards_found(connection, filters={}, q="ive", page=page)
            assert found.total == (18 if page.after is None else None)
            seen += [row.version for row in found.rows]
            if found.next_key is None:
                break
            page = PageRequest(size, after=found.next_key)
        assert seen == whole


@pytest.mark.parametrize("q", ["ive", "ive wonyoung", "아이브", "iv", "v"])
def test_a_name_found_as_a_whole_counts_the_same_whatever_its_length(
    connection: Connection, runtime: Runtime, q: str
) -> None:
    verified = {"status": "verified", "group_id": group_named(connection, "ive")}
    put(connection, runtime, "longer", "ive", "wonyoung", "아이브", "iv", "v", "another name", **verified)
    put(connection, runtime, "B", "ive", "wonyoung", "아이브", "iv", "v", **verified)
    assert versions(connection, q, PageRequest(1)) == ["B"]
    assert versions(connection, q) == ["B", "longer"]


def test_filters_narrow_lists_and_searches(connection: Connection, runtime: Runtime, shelf: Shelf) -> None:
    ive, bts = group_named(connection, "ive"), group_named(connection, "bts")
    rei, eleven = shelf.member(ive, "Rei"), shelf.release(ive, "Eleven")
    put(connection, runtime, "A", "ive", group_id=ive, member_id=rei)
    put(connection, runtime, "B", "ive", group_id=ive, release_id=eleven, status="verified")
    put(connection, runtime, "C", "ive", group_id=bts)
    for q in (None, "ive"):
        assert set(versions(connection, q, group_id=ive)) == {"A", "B"}
        assert versions(connection, q, member_id=rei) == ["A"]
        assert versions(connection, q, release_id=eleven) == ["B"]
        assert versions(connection, q, status=PhotocardStatus.VERIFIED) == ["B"]
        assert versions(connection, q, group_id=bts, status="verified") == []


@pytest.mark.parametrize("q", [None, "ive", "iive"])
def test_pages_by_cursor_and_by_offset_show_every_photocard_once(
    connection: Connection, runtime: Runtime, q: str | None
) -> None:
    for n in range(7):
        created = runtime.clock.now() + timedelta(minutes=n // 2)
        status = {"status": "verified", "group_id": group_named(connection, "ive")} if n % 3 else {}
        put(connection, runtime, f"v{n}", "ive", created_at=created, **status)
    whole = versions(connection, q)
    assert len(whole) == 7
    by_offset = [version for n in range(4) for version in versions(connection, q, PageRequest(2, n * 2))]
    by_cursor, page = [], PageRequest(2)
    while True:
        found = photocards_found(connection, filters={}, q=q, page=page)
        by_cursor += [row.version for row in found.rows]
        if found.next_key is None:
            break
        page = PageRequest(2, after=found.next_key)
    assert by_offset == by_cursor == whole
    assert photocards_found(connection, filters={}, q=q, page=PageRequest(2, 100)).total == 7


@pytest.mark.parametrize("q", [None, "ive", "iive", "!!"])
@pytest.mark.parametrize("after", [False, True], ids=["offset", "cursor"])
def test_a_page_of_photocards_is_one_statement(
    connection: Connection, runtime: Runtime, count_sql: Callable[[], Any], q: str | None, after: bool
) -> None:
    for n in range(3):
        put(connection, runtime, f"v{n}", "ive")
    first = photocards_found(connection, filters={}, q=q, page=PageRequest(1))
    page = PageRequest(1, after=first.next_key) if after and first.next_key else PageRequest(1)
    with count_sql() as sent:
        photocards_found(connection, filters={}, q=q, page=page)
        assert sent() == 1


def test_have_and_want_count_active_people_only(
    connection: Connection, runtime: Runtime, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    people = {name: sign_in(runtime, name).user_id for name in ("jun", "suspended", "deleted", "watched")}
    wanted = submit(runtime, mina, idol_group="IVE").photocard_id
    other = submit(runtime, mina, idol_group="BTS").photocard_id
    confirmed = {"upload_status": "confirmed", "upload_confirmed_at": runtime.clock.now()}
    for user_id in (mina, *people.values()):
        wish(runtime, user_id, photocard_id=wanted)
        card = binders.announce(runtime, user_id, photocard_id=wanted).card_id
        connection.execute(update(cards).where(cards.c.id == card).values(confirmed))
    for version, values in (
        ("unconfirmed", {}),
        ("traded", {**confirmed, "status": "traded"}),
        ("held", {**confirmed, "status": "held"}),
        ("gone", {**confirmed, "deleted_at": runtime.clock.now()}),
    ):
        owner = sign_in(runtime, version).user_id
        card = binders.announce(runtime, owner, photocard_id=wanted).card_id
        connection.execute(update(cards).where(cards.c.id == card).values({"note": "mine", **values}))
    binders.announce(runtime, mina, photocard_id=other)
    suspend(runtime, people["suspended"])
    delete(runtime, people["deleted"])
    watched = update(users).where(users.c.id == people["watched"])
    connection.execute(watched.values(status="under_review"))
    with count_sql() as sent:
        found = photocard(connection, photocard_id=wanted, now=runtime.clock.now())
        assert sent() == 1
    assert (found.have_count, found.want_count) == (4, 3)


def test_an_unknown_photocard_is_not_there(connection: Connection, runtime: Runtime) -> None:
    with pytest.raises(PhotocardNotFound):
        photocard(connection, photocard_id=uuid4(), now=runtime.clock.now())


def slugs(connection: Connection, q: str | None, page: PageRequest = PAGE) -> list[str]:
    return [group.slug for group in groups_found(connection, q=q, page=page).rows]


def test_groups_come_by_name_or_by_similarity(connection: Connection, shelf: Shelf) -> None:
    shelf.group("zz-last", "ZZ")
    everyone = [group.name for group in groups_found(connection, q=None, page=PAGE).rows]
    assert everyone == sorted(everyone) and len(everyone) == 13
    for q in ("아이브", "ive", "ㅇㅇㅂ", "aibeu", "アイヴ"):
        assert slugs(connection, q)[0] == "ive"
    assert slugs(connection, "black pink") == slugs(connection, "blakpink") == ["blackpink"]
    assert slugs(connection, "bp") == ["blackpink"]
    assert slugs(connection, "!!") == slugs(connection, "qqqqqq") == []


def test_groups_are_read_on_by_key(connection: Connection) -> None:
    for q in (None, "t"):
        first = groups_found(connection, q=q, page=PageRequest(2))
        rest = PageRequest(50, after=first.next_key) if first.next_key else PageRequest(50, 2)
        both = [group.slug for group in first.rows] + slugs(connection, q, rest)
        assert both == slugs(connection, q)


def test_a_group_shows_its_other_names_members_and_number_of_releases(
    connection: Connection, shelf: Shelf, count_sql: Callable[[], Any]
) -> None:
    group = shelf.group("new", "Another name", name_ko="새", name_zh=None)
    shelf.alias("nyu", generated=True, group_id=group)
    for names in (("B",), ("A", "Alpha")):
        shelf.member(group, *names)
    shelf.release(group, "One")
    shelf.member(group_named(connection, "bts"), "RM")
    with count_sql() as sent:
        found = group_with_members(connection, group_id=group)
        assert sent() == 2
    assert (found.group.slug, found.group.aliases, found.release_count) == ("new", ["Another name"], 1)
    assert [(member.name, member.aliases) for member in found.members] == [("A", ["Alpha"]), ("B", [])]
    with pytest.raises(GroupNotFound):
        group_with_members(connection, group_id=uuid4())


def titles(connection: Connection, **asked: Any) -> list[str]:
    page = asked.pop("page", PAGE)
    given = {"group_id": None, "q": None, **asked}
    return [release.title for release in releases_found(connection, **given, page=page).rows]


def test_releases_come_newest_first_and_undated_last(connection: Connection, shelf: Shelf) -> None:
    ive, bts = group_named(connection, "ive"), group_named(connection, "bts")
    shelf.release(ive, "Undated")
    shelf.release(ive, "Eleven", "일레븐", released_on=date(2021, 12, 1))
    shelf.release(ive, "After Like", released_on=date(2022, 8, 22))
    shelf.release(bts, "Proof", released_on=date(2022, 6, 10))
    assert titles(connection) == ["After Like", "Proof", "Eleven", "Undated"]
    assert titles(connection, group_id=ive) == ["After Like", "Eleven", "Undated"]
    assert titles(connection, q="like") == titles(connection, q="aftr like") == ["After Like"]
    assert titles(connection, q="일레븐", group_id=ive) == ["Eleven"]
    assert titles(connection, q="일레븐", group_id=bts) == []
    first = releases_found(connection, group_id=None, q=None, page=PageRequest(3))
    assert titles(connection, page=PageRequest(3, after=first.next_key)) == ["Undated"]
    assert first.rows[0].aliases == []


def test_releases_of_no_group_are_not_there(connection: Connection) -> None:
    assert titles(connection, group_id=group_named(connection, "bts")) == []
    with pytest.raises(GroupNotFound):
        titles(connection, group_id=uuid4())


@pytest.mark.parametrize("read", ["groups", "releases"])
@pytest.mark.parametrize("q", [None, "ive"])
def test_groups_and_releases_are_one_statement_each(
    connection: Connection, shelf: Shelf, count_sql: Callable[[], Any], read: str, q: str | None
) -> None:
    shelf.release(group_named(connection, "ive"), "IVE")
    with count_sql() as sent:
        if read == "groups":
            assert groups_found(connection, q=q, page=PAGE).rows
        else:
            assert releases_found(connection, group_id=None, q=q, page=PAGE).rows
        assert sent() == 1


@pytest.mark.parametrize(
    ("q", "index"),
    [
        ("ive", "ix_photocard_texts_trigrams"),
        ("ive", "ix_photocard_texts_words"),
        ("wonyoung ive", "ix_photocard_texts_parts"),
        ("bp", "ix_photocard_texts_parts"),
        ("원", "ix_photocard_texts_parts"),
        ("newjeens", "ix_catalog_aliases_norm_trigrams"),
        (None, "ix_photocards_created_at_id"),
    ],
)
def test_photocards_are_found_over_an_index(connection: Connection, q: str | None, index: str) -> None:
    connection.execute(MANY_PHOTOCARDS)
    connection.execute(MANY_TEXTS)
    connection.execute(MANY_ALIASES)
    # New entries wait in a list beside the index, as they do until the next vacuum.
    for waiting in (
        "ix_photocard_texts_parts",
        "ix_photocard_texts_trigrams",
        "ix_photocard_texts_words",
        "ix_catalog_aliases_norm_trigrams",
    ):
        connection.execute(text(f"SELECT gin_clean_pending_list('{waiting}')"))
    connection.execute(text("ANALYZE photocards, photocard_texts, catalog_aliases"))
    sent: list[tuple[str, Any]] = []

    def note(connection: Connection, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        sent.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    photocards_found(connection, filters={}, q=q, page=PAGE)
    event.remove(connection, "before_cursor_execute", note)
    ((statement, values),) = sent
    plan = connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", values).scalars()
    lines = "\n".join(plan)
    assert index in lines
    # What is only nearly like the words is looked for when nothing fits, and then a small table may be read.
    assert "Seq Scan on photocard_texts" not in lines.partition("CTE near")[0]


def test_a_search_has_at_most_eight_different_words() -> None:
    assert words_of("a A b ! c d e f g h i") == list("abcdefgh")
