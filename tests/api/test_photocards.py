"""Finding, submitting and curating photocards over HTTP."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from kcardswap.domain.accounts import Role
from kcardswap.queries import photocards as photocard_queries
from kcardswap.queries.keyset import Page
from kcardswap.runtime import Runtime
from tests.binders import announce, data_of, row
from tests.people import MakePerson, refused
from tests.photocards import Shelf, group_named, submit
from tests.wishes import wish

PHOTOCARD_FIELDS = {
    "id",
    "status",
    "group",
    "member",
    "release",
    "idol_group",
    "idol",
    "album",
    "version",
    "source",
    "rarity",
    "created_at",
    "updated_at",
}
CATALOG = "/catalog/photocards"
ADMIN_CATALOG = "/admin/catalog/photocards"


@pytest.fixture
def shelf(runtime: Runtime, connection: Connection) -> Shelf:
    return Shelf(runtime, connection)


def test_a_typed_photocard_is_linked_to_what_the_catalog_knows(
    person: MakePerson, connection: Connection, shelf: Shelf
) -> None:
    ive = group_named(connection, "ive")
    wonyoung, dive = shelf.member(ive, "Wonyoung", "원영"), shelf.release(ive, "LOVE DIVE")
    typed = {"idol_group": "아이브", "idol": "원영", "album": "love dive!", "version": "Photobook A"}
    made = data_of(person("mina").post(CATALOG, typed), 201)
    assert set(made) == PHOTOCARD_FIELDS
    assert made["group"] == {"id": str(ive), "name": "IVE"}
    assert made["member"] == {"id": str(wonyoung), "name": "Wonyoung"}
    assert made["release"] == {"id": str(dive), "title": "LOVE DIVE"}
    assert (made["idol_group"], made["idol"], made["album"]) == ("IVE", "Wonyoung", "LOVE DIVE")
    assert (made["status"], made["source"], made["rarity"]) == ("pending", "album", None)
    by_ids = {"member_id": str(wonyoung), "release_id": str(dive), "version": "PHOTOBOOK a"}
    assert data_of(person("jun").post(CATALOG, by_ids), 200) == made


def test_what_the_catalog_does_not_know_stays_as_it_was_typed(person: MakePerson) -> None:
    made = data_of(person("mina").post(CATALOG, {"idol": "Nobody", "source": "pob", "rarity": "epic"}), 201)
    assert (made["group"], made["member"], made["idol_group"], made["idol"]) == (None, None, None, "Nobody")
    assert (made["source"], made["rarity"]) == ("pob", "epic")


def test_a_photocard_of_nobody_is_refused(person: MakePerson) -> None:
    refused(person("mina").post(CATALOG, {"album": "Get Up", "idol": " "}), 400, "400_VALIDATION_FAILED")


@pytest.mark.parametrize("part", ["group", "member", "release"])
def test_an_unknown_part_is_not_found(person: MakePerson, part: str) -> None:
    answer = person("mina").post(CATALOG, {f"{part}_id": str(uuid4()), "idol": "Haerin"})
    assert answer.get_json()["error"]["details"] == {"resource_type": part}
    assert answer.status_code == 404


def test_a_member_of_another_group_does_not_fit(
    person: MakePerson, connection: Connection, shelf: Shelf
) -> None:
    ive, bts = group_named(connection, "ive"), group_named(connection, "bts")
    body = {"group_id": str(ive), "member_id": str(shelf.member(bts, "RM"))}
    refused(person("mina").post(CATALOG, body), 400, "400_INVALID_REQUEST", "target_mismatch")


def test_a_photocard_shows_how_many_active_people_have_and_want_it(
    runtime: Runtime, person: MakePerson, connection: Connection
) -> None:
    mina, jun = person("mina"), person("jun")
    photocard_id = submit(runtime, mina.user_id, idol_group="IVE", version="A").photocard_id
    card = announce(runtime, mina.user_id, photocard_id=photocard_id)
    wish(runtime, jun.user_id, photocard_id=photocard_id)
    shown = data_of(jun.get(f"{CATALOG}/{photocard_id}"))
    assert set(shown) == PHOTOCARD_FIELDS | {"have_count", "want_count"}
    assert (shown["have_count"], shown["want_count"]) == (0, 1)
    assert row(connection, card.card_id)["photocard_id"] == photocard_id


def test_an_unknown_photocard_is_not_found(person: MakePerson) -> None:
    refused(person("mina").get(f"{CATALOG}/{uuid4()}"), 404, "404_NOT_FOUND")


def found(answer: Any) -> list[str]:
    return [photocard["version"] for photocard in data_of(answer)["photocards"]]


def test_initial_consonants_find_the_cards_of_a_group(runtime: Runtime, person: MakePerson) -> None:
    mina = person("mina")
    submit(runtime, mina.user_id, idol_group="IVE", version="A")
    submit(runtime, mina.user_id, idol_group="BTS", version="B")
    assert found(mina.get(f"{CATALOG}?q=ㅇㅇㅂ")) == ["A"]
    groups = data_of(mina.get("/catalog/groups?q=ㅇㅇㅂ"))["groups"]
    assert [group["slug"] for group in groups][:1] == ["ive"]


def test_a_list_is_read_on_by_cursor_only_with_its_own_filters(runtime: Runtime, person: MakePerson) -> None:
    mina = person("mina")
    for version in "ABC":
        submit(runtime, mina.user_id, idol_group="IVE", version=version)
    first = mina.get(f"{CATALOG}?q=ive&limit=2")
    cursor = first.get_json()["meta"]["next_cursor"]
    assert data_of(first)["total"] == 3
    second = mina.get(f"{CATALOG}?q=ive&limit=2&cursor={cursor}")
    assert sorted(found(first) + found(second)) == ["A", "B", "C"]
    assert second.get_json()["data"]["total"] is None
    other = mina.get(f"{CATALOG}?q=bts&limit=2&cursor={cursor}")
    refused(other, 400, "400_VALIDATION_FAILED")


@pytest.mark.parametrize("parts", [1, 3, 4])
@pytest.mark.parametrize("q", ["&q=ive", ""], ids=["found", "newest"])
def test_a_cursor_of_another_order_is_refused(
    runtime: Runtime, person: MakePerson, monkeypatch: pytest.MonkeyPatch, parts: int, q: str
) -> None:
    mina = person("mina")
    for version in "AB":
        submit(runtime, mina.user_id, idol_group="IVE", version=version)
    find = photocard_queries.photocards_found

    def find_in_another_order(*args: Any, **kwargs: Any) -> Page[Any]:
        found = find(*args, **kwargs)
        assert found.next_key is not None
        return replace(found, next_key=(found.next_key * 2)[:parts])

    with monkeypatch.context() as patch:
        patch.setattr(photocard_queries, "photocards_found", find_in_another_order)
        answer = mina.get(f"{CATALOG}?limit=1{q}")
    cursor = answer.get_json()["meta"]["next_cursor"]
    refused(mina.get(f"{CATALOG}?limit=1{q}&cursor={cursor}"), 400, "400_VALIDATION_FAILED")


def test_photocards_are_not_sent_again_unchanged(person: MakePerson) -> None:
    mina = person("mina")
    first = mina.get(CATALOG)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert mina.get(CATALOG, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.fixture
def pending(runtime: Runtime, person: MakePerson) -> UUID:
    """A photocard somebody typed, without a known group."""
    return submit(runtime, person("mina").user_id, idol_group="New group", idol="Sana").photocard_id


def test_an_operator_completes_and_verifies_a_photocard(
    person: MakePerson, pending: UUID, connection: Connection
) -> None:
    root, path = person("root", Role.ADMIN), f"{ADMIN_CATALOG}/{pending}"
    refused(root.patch(path, {"status": "verified"}), 422, "422_INVALID_STATE", "photocard_incomplete")
    twice = group_named(connection, "twice")
    changes = {
        "group_id": str(twice),
        "version": "B",
        "rarity": "rare",
        "source": "event",
        "status": "verified",
    }
    done = data_of(root.patch(path, changes))
    assert done["group"] == {"id": str(twice), "name": "TWICE"}
    assert (done["idol"], done["version"], done["rarity"], done["source"]) == ("Sana", "B", "rare", "event")
    assert done["status"] == "verified"
    refused(root.patch(path, {"group_id": None}), 422, "422_INVALID_STATE", "photocard_incomplete")
    refused(root.patch(f"{ADMIN_CATALOG}/{uuid4()}", {"version": "C"}), 404, "404_NOT_FOUND")


def test_a_photocard_cannot_become_another_one(runtime: Runtime, person: MakePerson, pending: UUID) -> None:
    root = person("root", Role.ADMIN)
    other = submit(runtime, root.user_id, idol_group="New group", idol="Sana", version="X").photocard_id
    answer = root.patch(f"{ADMIN_CATALOG}/{pending}", {"version": "x"})
    refused(answer, 409, "409_CONFLICT", "photocard_exists")
    assert answer.get_json()["error"]["details"]["photocard_id"] == str(other)


def test_merging_moves_cards_and_wishes_and_leads_to_the_target(
    runtime: Runtime, person: MakePerson, pending: UUID
) -> None:
    root, jun = person("root", Role.ADMIN), person("jun")
    target = submit(runtime, root.user_id, idol_group="TWICE", idol="Sana").photocard_id
    announce(runtime, jun.user_id, photocard_id=pending)
    wish(runtime, jun.user_id, photocard_id=pending)
    merged = data_of(root.post(f"{ADMIN_CATALOG}/{pending}/merge", {"into_id": str(target)}))
    assert set(merged) == PHOTOCARD_FIELDS | {"moved_cards", "moved_wishes"}
    assert (merged["id"], merged["moved_cards"], merged["moved_wishes"]) == (str(target), 1, 1)
    assert data_of(jun.get(f"{CATALOG}/{pending}"))["id"] == str(target)
    assert [each["id"] for each in data_of(jun.get(CATALOG))["photocards"]] == [str(target)]
    again = root.post(f"{ADMIN_CATALOG}/{pending}/merge", {"into_id": str(target)})
    refused(again, 422, "422_INVALID_STATE", "photocard_merged")
    back = root.post(f"{ADMIN_CATALOG}/{target}/merge", {"into_id": str(pending)})
    refused(back, 422, "422_INVALID_STATE", "photocard_merged")
    refused(root.patch(f"{ADMIN_CATALOG}/{pending}", {"rarity": "epic"}), 422, "422_INVALID_STATE")


def test_a_photocard_cannot_be_merged_into_itself_or_nothing(person: MakePerson, pending: UUID) -> None:
    root = person("root", Role.ADMIN)
    path = f"{ADMIN_CATALOG}/{pending}/merge"
    refused(root.post(path, {"into_id": str(pending)}), 400, "400_INVALID_REQUEST", "self_target")
    refused(root.post(path, {"into_id": str(uuid4())}), 404, "404_NOT_FOUND")
