"""Reports, sanctions and appeals over HTTP, and what administrators do about them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, delete, invalid_fields, refused
from tests.swaps import make_card

NOTE = {"note": "Sold the same card twice."}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


@pytest.fixture
def root(person: MakePerson) -> Person:
    return person("root", Role.ADMIN)


def report(about: Person | UUID, **more: Any) -> dict[str, Any]:
    user_id = about.user_id if isinstance(about, Person) else about
    return {"reported_user_id": str(user_id), "reason": "fraud", **more}


def filed(by: Person, about: Person, **more: Any) -> Any:
    return data(by.post("/reports", report(about, **more)), 201)


def resolve(root: Person, report_id: str, action: str, **more: Any) -> Any:
    return root.post(f"/admin/reports/{report_id}/resolve", {"action": action, **NOTE, **more})


def restricted(client: FlaskClient, runtime: Runtime, who: Person) -> Person:
    """Return somebody suspended with the token they get when they try to sign in."""
    assert runtime.identity_providers.dev is not None
    id_token = runtime.identity_providers.dev.identity_token(
        email="jun@kcardswap.test", name="Jun", email_verified=True, now=runtime.clock.now()
    )
    answer = client.post(f"{API}/auth/google-login", json={"google_token": id_token})
    details = refused(answer, 403, "403_FORBIDDEN", "account_suspended")
    return Person(who.user_id, who.tokens._replace(access_token=details["restricted_token"]), client)


# Reporting


def test_a_report_is_answered_as_it_was_made_and_listed(mina: Person, jun: Person) -> None:
    made = filed(mina, jun, detail="  A copy. ", target_type="user", target_id=str(jun.user_id))
    assert made == {
        "id": made["id"],
        "reporter_id": str(mina.user_id),
        "reported_user_id": str(jun.user_id),
        "reason": "fraud",
        "detail": "A copy.",
        "status": "pending",
        "created_at": made["created_at"],
        "target_type": "user",
        "target_id": str(jun.user_id),
    }
    assert data(mina.get("/reports")) == {"reports": [made], "total": 1}
    assert data(jun.get("/reports")) == {"reports": [], "total": 0}


def test_the_same_open_report_is_answered_with_200(mina: Person, jun: Person) -> None:
    made = filed(mina, jun)
    assert data(mina.post("/reports", report(jun)), 200) == made


def test_own_reports_come_newest_first(mina: Person, jun: Person, clock: MovableClock) -> None:
    first = filed(mina, jun)
    clock.advance(seconds=1)
    second = filed(mina, jun, reason="spam")
    page = mina.get("/reports?limit=1").get_json()
    assert page["data"] == {"reports": [second], "total": 2} and page["meta"]["total_pages"] == 2
    assert data(mina.get("/reports?offset=1"))["reports"] == [first]


def test_what_is_wrong_with_a_report_is_said(mina: Person, jun: Person, runtime: Runtime) -> None:
    card = str(make_card(runtime, mina.user_id))
    refused(mina.post("/reports", report(mina)), 400, "400_INVALID_REQUEST", "self_target")
    refused(mina.post("/reports", report(uuid4())), 404, "404_NOT_FOUND")
    own = report(jun, target_type="card", target_id=card)
    refused(mina.post("/reports", own), 400, "400_INVALID_REQUEST", "target_mismatch")
    for kind in ("card", "post", "comment", "message", "user"):
        answer = mina.post("/reports", report(jun, target_type=kind, target_id=str(uuid4())))
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": kind}
    for body, field in (
        ({}, "reported_user_id"),
        (report(jun, reason="boring"), "reason"),
        (report(jun, detail="x" * 1001), "detail"),
        (report(jun, target_type="card"), "target_id"),
        (report(jun, target_id=card), "target_type"),
        (report(jun, target_type="house", target_id=card), "target_type"),
    ):
        assert field in invalid_fields(mina.post("/reports", body)), body


# The queue


def test_moderators_see_reports_oldest_first_by_filter(
    mina: Person, jun: Person, root: Person, clock: MovableClock
) -> None:
    first = filed(mina, jun)
    clock.advance(seconds=1)
    second = filed(jun, mina, reason="spam")
    listed = data(root.get("/admin/reports"))
    assert [row["id"] for row in listed["reports"]] == [first["id"], second["id"]] and listed["total"] == 2
    assert listed["reports"][0] == {
        **first,
        "reporter_nickname": "Mina",
        "reported_nickname": "Jun",
        "reviewed_by": None,
        "reviewed_at": None,
        "resolution": None,
        "note": None,
        "resolved_by": None,
        "resolved_at": None,
        "same_image_card_ids": [],
    }
    data(root.post(f"/admin/reports/{second['id']}/review"))
    for query, expected in (
        ("status=pending", first),
        ("status=reviewed", second),
        ("reason=spam", second),
        (f"reported_user_id={jun.user_id}", first),
    ):
        found = data(root.get(f"/admin/reports?{query}"))
        assert [row["id"] for row in found["reports"]] == [expected["id"]], query
        assert found["total"] == 1


def test_a_report_of_a_card_names_the_cards_with_its_picture(
    mina: Person, jun: Person, root: Person, runtime: Runtime
) -> None:
    theirs, copy = make_card(runtime, mina.user_id), make_card(runtime, jun.user_id)
    uow = runtime.unit_of_work()
    with uow:
        uow.media.note_same_picture(copy, [theirs], found_at=uow.clock.now())
        uow.commit()
    filed(mina, jun, target_type="card", target_id=str(copy))
    filed(jun, mina, target_type="card", target_id=str(theirs))
    found = data(root.get("/admin/reports"))["reports"]
    assert [row["same_image_card_ids"] for row in found] == [[str(theirs)], [str(copy)]]


def test_the_queue_costs_two_statements_however_long_it_is(
    root: Person, mina: Person, jun: Person, runtime: Runtime, count_sql: Any
) -> None:
    for _ in range(3):
        card = str(make_card(runtime, jun.user_id))
        filed(mina, jun, target_type="card", target_id=card)
    with count_sql() as sent:
        root.get("/admin/reports")
    # The caller, the page and the pictures of its cards.
    assert sent() == 3


def test_a_report_is_taken_up_once(mina: Person, jun: Person, root: Person, person: MakePerson) -> None:
    made = filed(mina, jun)
    path = f"/admin/reports/{made['id']}/review"
    reviewed = data(root.post(path))
    assert (reviewed["status"], reviewed["reviewed_by"]) == ("reviewed", str(root.user_id))
    assert data(person("other", Role.ADMIN).post(path)) == reviewed
    data(resolve(root, made["id"], "dismiss"))
    refused(root.post(path), 422, "422_INVALID_STATE", "report_resolved")
    refused(root.post(f"/admin/reports/{uuid4()}/review"), 404, "404_NOT_FOUND")


# Settling


def test_a_resolved_report_says_how_and_by_whom(mina: Person, jun: Person, root: Person) -> None:
    made = filed(mina, jun)
    answer = data(resolve(root, made["id"], "warn"))
    assert answer["status"] == "resolved" and answer["resolution"] == "warn"
    assert (answer["resolved_by"], answer["note"]) == (str(root.user_id), NOTE["note"])
    assert data(mina.get("/reports"))["reports"][0]["status"] == "resolved"
    (sanction,) = data(jun.get("/account/sanctions"))["sanctions"]
    assert (sanction["kind"], sanction["report_id"], sanction["note"]) == ("warn", made["id"], NOTE["note"])


def test_a_removed_card_is_gone(mina: Person, jun: Person, root: Person, runtime: Runtime) -> None:
    card = str(make_card(runtime, jun.user_id))
    made = filed(mina, jun, target_type="card", target_id=card)
    shown = f"/users/{jun.user_id}/cards"
    assert [row["id"] for row in data(mina.get(shown))["cards"]] == [card]
    data(resolve(root, made["id"], "remove_card"))
    assert data(mina.get(shown))["cards"] == []


def test_what_is_wrong_with_a_resolution_is_said(
    mina: Person, jun: Person, root: Person, clock: MovableClock, person: MakePerson
) -> None:
    made = filed(mina, jun)
    for action in ("remove_post", "remove_comment", "remove_card"):
        refused(resolve(root, made["id"], action), 400, "400_INVALID_REQUEST", "target_mismatch")
    later = to_json_time(clock.now() + timedelta(days=1))
    assert invalid_fields(resolve(root, made["id"], "warn", until=later)) == {"until"}
    assert invalid_fields(resolve(root, made["id"], "suspend", until=to_json_time(clock.now()))) == {"until"}
    assert invalid_fields(resolve(root, made["id"], "applaud")) == {"action"}
    assert invalid_fields(resolve(root, made["id"], "warn", note=" ")) == {"note"}
    refused(resolve(root, str(uuid4()), "warn"), 404, "404_NOT_FOUND")
    about_admin = filed(mina, person("other", Role.ADMIN))
    refused(resolve(root, about_admin["id"], "warn"), 403, "403_FORBIDDEN", "role_required")
    data(resolve(root, made["id"], "dismiss"))
    refused(resolve(root, made["id"], "warn"), 422, "422_INVALID_STATE", "report_resolved")


# Suspending


def test_a_suspended_person_is_refused_at_once_and_gets_a_restricted_token(
    client: FlaskClient, runtime: Runtime, jun: Person, root: Person, clock: MovableClock
) -> None:
    until = to_json_time(clock.now() + timedelta(days=7))
    shown = data(root.post(f"/admin/users/{jun.user_id}/suspend", {**NOTE, "until": until}))
    assert (shown["status"], shown["suspended_until"]) == ("suspended", until)
    for answer in (jun.get("/profile/me"), jun.put("/profile/me", {"bio": "x"})):
        details = refused(answer, 403, "403_FORBIDDEN", "account_suspended")
        assert details["suspended_until"] == until
    inside = restricted(client, runtime, jun)
    (sanction,) = data(inside.get("/account/sanctions"))["sanctions"]
    assert (sanction["kind"], sanction["ends_at"], sanction["note"]) == ("suspend", until, NOTE["note"])
    refused(inside.get("/reports"), 401, "401_UNAUTHORIZED", "invalid_token")


def test_suspending_again_replaces_the_end_and_unsuspending_opens_the_account(
    jun: Person, root: Person, clock: MovableClock, person: MakePerson
) -> None:
    path = f"/admin/users/{jun.user_id}"
    data(root.post(f"{path}/suspend", {**NOTE, "until": to_json_time(clock.now() + timedelta(days=7))}))
    assert data(root.post(f"{path}/suspend", NOTE))["suspended_until"] is None
    assert data(root.post(f"{path}/unsuspend", NOTE))["status"] == "active"
    assert data(root.post(f"{path}/unsuspend", NOTE))["status"] == "active"
    assert person("jun").get("/profile/me").status_code == 200


def test_at_its_end_a_suspension_is_over_for_everybody(
    jun: Person, mina: Person, root: Person, clock: MovableClock, person: MakePerson
) -> None:
    until = to_json_time(clock.now() + timedelta(minutes=1))
    data(root.post(f"/admin/users/{jun.user_id}/suspend", {**NOTE, "until": until}))
    body = {"target_user_id": str(jun.user_id)}
    refused(mina.post("/friends/request", body), 404, "404_NOT_FOUND")
    clock.advance(minutes=1)
    assert person("jun").get("/profile/me").status_code == 200
    assert mina.post("/friends/request", body).status_code == 201


def test_whom_nobody_suspends(
    jun: Person, root: Person, runtime: Runtime, person: MakePerson, clock: MovableClock
) -> None:
    other = person("other", Role.ADMIN)

    def suspend(who: UUID, **more: Any) -> Any:
        return root.post(f"/admin/users/{who}/suspend", {**NOTE, **more})

    refused(suspend(root.user_id), 400, "400_INVALID_REQUEST", "self_target")
    refused(suspend(other.user_id), 403, "403_FORBIDDEN", "role_required")
    refused(suspend(uuid4()), 404, "404_NOT_FOUND")
    assert invalid_fields(suspend(jun.user_id, until=to_json_time(clock.now()))) == {"until"}
    assert invalid_fields(root.post(f"/admin/users/{jun.user_id}/suspend", {})) == {"note"}
    unsuspend = f"/admin/users/{other.user_id}/unsuspend"
    refused(root.post(unsuspend, NOTE), 403, "403_FORBIDDEN", "role_required")
    delete(runtime, jun.user_id)
    refused(suspend(jun.user_id), 404, "404_NOT_FOUND")
    chief = person("chief", Role.SUPER_ADMIN)
    assert chief.post(f"/admin/users/{other.user_id}/suspend", NOTE).status_code == 200


# Appeals


def test_an_appeal_goes_from_the_suspended_person_to_another_moderator(
    client: FlaskClient, runtime: Runtime, jun: Person, root: Person, person: MakePerson
) -> None:
    other = person("other", Role.ADMIN)
    data(root.post(f"/admin/users/{jun.user_id}/suspend", NOTE))
    inside = restricted(client, runtime, jun)
    (sanction,) = data(inside.get("/account/sanctions"))["sanctions"]
    appealed = data(inside.post(f"/account/sanctions/{sanction['id']}/appeal", {"note": "It was not me."}))
    assert appealed["appeal_note"] == "It was not me." and appealed["appealed_at"] is not None
    assert data(other.get("/admin/appeals")) == {"sanctions": [appealed], "total": 1}
    path = f"/admin/appeals/{sanction['id']}/decide"
    body = {"outcome": "overturned", "note": "It was not."}
    refused(root.post(path, body), 403, "403_FORBIDDEN", "role_required")
    decided = data(other.post(path, body))
    assert decided["appeal_outcome"] == "overturned" and decided["lifted_at"] is not None
    refused(other.post(path, body), 422, "422_INVALID_STATE", "appeal_closed")
    assert data(other.get("/admin/appeals")) == {"sanctions": [], "total": 0}
    assert data(other.get("/admin/appeals?open=false"))["sanctions"] == [decided]
    assert person("jun").get("/profile/me").status_code == 200


def test_what_is_wrong_with_an_appeal_is_said(mina: Person, jun: Person, root: Person) -> None:
    data(resolve(root, filed(mina, jun)["id"], "warn"))
    (sanction,) = data(jun.get("/account/sanctions"))["sanctions"]
    path = f"/account/sanctions/{sanction['id']}/appeal"
    refused(mina.post(path, {"note": "?"}), 404, "404_NOT_FOUND")
    assert invalid_fields(jun.post(path, {"note": "x" * 2001})) == {"note"}
    data(jun.post(path, {"note": "?"}))
    refused(jun.post(path, {"note": "?"}), 422, "422_INVALID_STATE", "appeal_closed")
    refused(
        root.post(f"/admin/appeals/{uuid4()}/decide", {"outcome": "upheld", **NOTE}), 404, "404_NOT_FOUND"
    )
