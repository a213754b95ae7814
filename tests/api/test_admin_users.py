"""People as administrators see them, and the audit log, over HTTP."""

from typing import Any

import pytest

from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers, data
from tests.conftest import MovableClock
from tests.people import MakePerson, Person

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


def filed(by: Person, about: Person) -> Any:
    body = {"reported_user_id": str(about.user_id), "reason": "fraud"}
    return data(by.post("/reports", body), 201)


def warn(root: Person, report_id: str) -> Any:
    return root.post(f"/admin/reports/{report_id}/resolve", {"action": "warn", **NOTE})


# People


def test_people_are_found_by_id_address_and_start_of_their_nickname(
    mina: Person, jun: Person, root: Person
) -> None:
    for q in (str(mina.user_id), "Mina@kcardswap.test", "mi", "MI"):
        found = data(root.get("/admin/users", query_string={"q": q}))
        assert [row["id"] for row in found["users"]] == [str(mina.user_id)] and found["total"] == 1, q
    for q in ("ina", "@kcardswap.test", "!"):
        assert data(root.get("/admin/users", query_string={"q": q}))["users"] == [], q


def test_somebody_is_shown_with_what_moderators_need_to_know(mina: Person, jun: Person, root: Person) -> None:
    data(warn(root, filed(mina, jun)["id"]))
    filed(mina, jun)
    (shown,) = data(root.get(f"/admin/users?q={jun.user_id}"))["users"]
    assert shown == {
        "id": str(jun.user_id),
        "email": "jun@kcardswap.test",
        "role": "user",
        "status": "active",
        "suspended_until": None,
        "nickname": "Jun",
        "created_at": shown["created_at"],
        "last_seen_at": shown["last_seen_at"],
        "open_reports": 1,
        "warnings": 1,
        "completed_trades": 0,
        "average_score": 0.0,
    }
    (sanction,) = data(jun.get("/account/sanctions"))["sanctions"]
    data(jun.post(f"/account/sanctions/{sanction['id']}/appeal", {"note": "?"}))
    data(root.post(f"/admin/appeals/{sanction['id']}/decide", {"outcome": "overturned", **NOTE}))
    assert data(root.get(f"/admin/users?q={jun.user_id}"))["users"][0]["warnings"] == 0


def test_swaps_and_ratings_show_with_the_person(runtime: Runtime, person: MakePerson, root: Person) -> None:
    two = Swappers(runtime, person)
    trade = two.completed()
    body = {"rated_user_id": str(two.jun.user_id), "score": 4, "trade_id": trade["id"]}
    data(two.mina.post("/ratings", body), 201)
    (shown,) = data(root.get(f"/admin/users?q={two.jun.user_id}"))["users"]
    assert (shown["completed_trades"], shown["average_score"]) == (1, 4.0)


def test_people_are_listed_newest_first_by_status_and_role(
    mina: Person, jun: Person, root: Person, clock: MovableClock, person: MakePerson, count_sql: Any
) -> None:
    clock.advance(seconds=1)
    person("newest")
    data(root.post(f"/admin/users/{jun.user_id}/suspend", NOTE))
    everybody = data(root.get("/admin/users"))
    assert everybody["total"] == 4 and everybody["users"][0]["nickname"] == "Newest"
    suspended = data(root.get("/admin/users?status=suspended"))
    assert [row["id"] for row in suspended["users"]] == [str(jun.user_id)]
    administrators = data(root.get("/admin/users?role=admin"))
    assert [row["id"] for row in administrators["users"]] == [str(root.user_id)]
    assert data(root.get("/admin/users?role=user"))["total"] == 3
    with count_sql() as sent:
        root.get("/admin/users")
    assert sent() == 2


# The audit log


def test_the_audit_log_tells_who_did_what_to_whom_and_in_which_request(
    jun: Person, root: Person, clock: MovableClock
) -> None:
    answer = root.post(f"/admin/users/{jun.user_id}/suspend", NOTE, headers={"X-Request-ID": "look-here"})
    assert answer.status_code == 200
    clock.advance(minutes=1)
    data(root.post(f"/admin/users/{jun.user_id}/unsuspend", NOTE))
    log = data(root.get("/admin/audit-log"))
    assert [entry["action"] for entry in log["entries"]] == ["unsuspend_user", "suspend_user"]
    suspended = log["entries"][1]
    assert suspended["request_id"] == "look-here" and suspended["note"] == NOTE["note"]
    assert (suspended["actor_id"], suspended["target_type"]) == (str(root.user_id), "user")
    assert (suspended["target_id"], log["total"]) == (str(jun.user_id), 2)
    later = to_json_time(clock.now())
    for query, count in (
        ({"actor_id": str(root.user_id)}, 2),
        ({"actor_id": str(jun.user_id)}, 0),
        ({"action": "suspend_user"}, 1),
        ({"target_type": "user", "target_id": str(jun.user_id)}, 2),
        ({"target_type": "report"}, 0),
        ({"since": later}, 1),
        ({"until": later}, 1),
    ):
        assert data(root.get("/admin/audit-log", query_string=query))["total"] == count, query
