"""Buying premium over HTTP, with each refusal, and the limits that come with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.api.limits import RateLimits
from kcardswap.domain.accounts import Role
from kcardswap.gateways.dev_play_store import Books, Fault
from kcardswap.gateways.play import NoPlayStore
from kcardswap.runtime import EXTENSION, Runtime
from kcardswap.settings import Settings
from tests.conftest import INTERNAL_TOKEN, MovableClock
from tests.people import API, MakePerson, Person, invalid_fields, refused
from tests.premium import end_premium, make_premium

TOKEN = "kdbnhpfo.AO-J1Oz_pzQ"
EXPIRE = f"{API}/subscriptions/expire-subscriptions"
NOTHING = {
    "plan": "free",
    "status": "inactive",
    "expires_at": None,
    "entitlement_active": False,
    "source": "google_play",
}


def verify(person: Person, token: Any = TOKEN, **changes: Any) -> TestResponse:
    body = {"platform": "android", "purchase_token": token, "product_id": "premium_monthly", **changes}
    return person.post("/subscriptions/verify-receipt", body)


def status(person: Person) -> Any:
    answer = person.get("/subscriptions/status")
    assert answer.status_code == 200
    return answer.get_json()["data"]


def test_somebody_without_a_subscription_has_the_free_plan(person: MakePerson) -> None:
    assert status(person("mina")) == NOTHING


def test_a_purchase_gives_premium_at_once(person: MakePerson, play: Books) -> None:
    mina = person("mina")
    play.sell(TOKEN)
    answer = verify(mina)
    assert answer.status_code == 200
    assert (
        answer.get_json()["data"]
        == status(mina)
        == {
            "plan": "premium",
            "status": "active",
            "expires_at": "2026-04-11T04:00:00Z",
            "entitlement_active": True,
            "source": "google_play",
        }
    )
    assert verify(mina).get_json()["data"] == status(mina), "it repeats safely"
    assert status(person("yuna")) == NOTHING


def test_an_expired_subscription_says_so(person: MakePerson, play: Books, clock: MovableClock) -> None:
    mina = person("mina")
    play.sell(TOKEN, lasts=timedelta(minutes=5))
    verify(mina)
    clock.advance(minutes=5)
    found = status(mina)
    assert (found["plan"], found["status"], found["entitlement_active"]) == ("free", "expired", False)
    assert found["expires_at"] == "2026-03-12T04:05:00Z"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("PENDING", "pending"), ("IN_GRACE_PERIOD", "active"), ("CANCELED", "active"), ("ON_HOLD", "expired")],
)
def test_states_of_the_store_as_clients_see_them(
    person: MakePerson, play: Books, state: str, expected: str
) -> None:
    play.sell(TOKEN, state)
    found = verify(person("mina")).get_json()["data"]
    assert found["status"] == expected and found["entitlement_active"] == (expected == "active")


def test_a_free_trial_is_premium(person: MakePerson, play: Books) -> None:
    play.sell(TOKEN, lasts=timedelta(days=7), offer_id="trial")
    assert verify(person("mina")).get_json()["data"]["entitlement_active"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"platform": None}, "platform"),
        ({"platform": "web"}, "platform"),
        ({"token": None}, "purchase_token"),
        ({"token": ""}, "purchase_token"),
        ({"token": "a b"}, "purchase_token"),
        ({"token": "a\n"}, "purchase_token"),
        ({"token": "쿠키"}, "purchase_token"),
        ({"token": "a" * 1001}, "purchase_token"),
        ({"token": 5}, "purchase_token"),
        ({"product_id": None}, "product_id"),
        ({"product_id": " "}, "product_id"),
        ({"product_id": "premium_forever"}, "product_id"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else None,
)
def test_a_malformed_receipt_is_refused(person: MakePerson, changes: dict[str, Any], field: str) -> None:
    assert invalid_fields(verify(person("mina"), **changes)) == {field}


def test_a_token_of_the_greatest_length_is_asked_about(person: MakePerson, play: Books) -> None:
    token = "~" * 1000
    play.sell(token)
    assert verify(person("mina"), token).status_code == 200


def test_a_purchase_of_an_unsupported_platform_is_refused(person: MakePerson) -> None:
    refused(verify(person("mina"), platform="ios"), 400, "400_INVALID_REQUEST", "unsupported_platform")


def test_a_purchase_of_another_account_is_refused(person: MakePerson, play: Books) -> None:
    play.sell(TOKEN)
    verify(person("mina"))
    yuna = person("yuna")
    refused(verify(yuna), 409, "409_CONFLICT", "purchase_token_used")
    assert status(yuna) == NOTHING


def test_a_token_the_store_does_not_know_is_refused_and_takes_nothing(
    person: MakePerson, play: Books
) -> None:
    mina = person("mina")
    play.sell(TOKEN)
    verify(mina)
    assert invalid_fields(verify(mina, "never-sold")) == {"purchase_token"}
    assert status(mina)["plan"] == "premium"


def test_a_purchase_of_another_product_is_refused(person: MakePerson, play: Books) -> None:
    play.sell(TOKEN, product_id="premium_yearly")
    assert invalid_fields(verify(person("mina"))) == {"product_id"}


def test_a_store_that_does_not_answer_is_said(person: MakePerson, play: Books) -> None:
    mina = person("mina")
    play.fail("get", Fault.ERROR)
    answer = verify(mina)
    assert refused(answer, 503, "503_SERVICE_UNAVAILABLE") == {"service": "google_play"}
    assert answer.headers["Retry-After"]
    assert status(mina) == NOTHING


def test_without_a_store_verifying_is_unavailable(app: Flask, person: MakePerson, runtime: Runtime) -> None:
    mina = person("mina")
    app.extensions[EXTENSION] = replace(runtime, play_store=NoPlayStore())
    assert refused(verify(mina), 503, "503_SERVICE_UNAVAILABLE") == {"service": "google_play"}


def test_a_key_is_ignored_so_that_the_store_is_asked_each_time(person: MakePerson, play: Books) -> None:
    mina, keyed = person("mina"), {"Idempotency-Key": "receipt-1"}
    body = {"platform": "android", "purchase_token": TOKEN, "product_id": "premium_monthly"}
    play.sell(TOKEN, "PENDING")
    first = mina.post("/subscriptions/verify-receipt", body, headers=keyed)
    play.sell(TOKEN)
    again = mina.post("/subscriptions/verify-receipt", body, headers=keyed)
    assert [answer.get_json()["data"]["status"] for answer in (first, again)] == ["pending", "active"]


def test_receipts_are_limited_per_person(
    app: Flask, settings: Settings, person: MakePerson, play: Books
) -> None:
    app.extensions["rate_limits"] = RateLimits(replace(settings, rate_limit_receipts="2/1h"))
    mina, yuna = person("mina"), person("yuna")
    play.sell(TOKEN)
    assert [verify(mina).status_code for _ in range(3)] == [200, 200, 429]
    answer = verify(mina)
    details = refused(answer, 429, "429_RATE_LIMIT_EXCEEDED")
    assert details["limit_key"] == "receipt_checks" and "2/2" in answer.get_json()["error"]["message"]
    assert answer.headers["Retry-After"]
    assert verify(yuna, "never-sold").status_code == 400


def expire(client: FlaskClient, **headers: str) -> TestResponse:
    return client.post(EXPIRE, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_administrators_and_our_own_machines_end_what_is_over(
    client: FlaskClient, person: MakePerson, runtime: Runtime, clock: MovableClock
) -> None:
    root = person("root", Role.ADMIN)
    for name in ("mina", "yuna", "sana"):
        make_premium(runtime, person(name).user_id, minutes=1 if name != "sana" else 60)
    clock.advance(minutes=1)
    answer = expire(client, X_Internal_Token=INTERNAL_TOKEN)
    assert answer.status_code == 200
    assert answer.get_json()["data"] == {"expired_count": 2, "processed_at": "2026-03-12T04:01:00Z"}
    again = root.post("/subscriptions/expire-subscriptions")
    assert again.get_json()["data"]["expired_count"] == 0


def test_nobody_else_ends_subscriptions(client: FlaskClient, person: MakePerson) -> None:
    mina = person("mina")
    refused(mina.post("/subscriptions/expire-subscriptions"), 403, "403_FORBIDDEN", "role_required")
    for wrong in ("", "wrong", INTERNAL_TOKEN[:-1], INTERNAL_TOKEN + "x", "é" * 8):
        refused(expire(client, X_Internal_Token=wrong), 401, "401_UNAUTHORIZED", "missing")
    headers = {"X-Internal-Token": "wrong"}
    answer = mina.post("/subscriptions/expire-subscriptions", headers=headers)
    refused(answer, 403, "403_FORBIDDEN", "role_required")


def test_the_internal_token_opens_nothing_else(client: FlaskClient) -> None:
    answer = client.get(f"{API}/subscriptions/status", headers={"X-Internal-Token": INTERNAL_TOKEN})
    refused(answer, 401, "401_UNAUTHORIZED", "missing")


def test_without_an_internal_token_the_header_is_not_accepted(
    app: Flask, client: FlaskClient, runtime: Runtime, settings: Settings
) -> None:
    app.extensions[EXTENSION] = replace(runtime, settings=replace(settings, internal_token=None))
    for presented in ("", "None", INTERNAL_TOKEN):
        refused(expire(client, X_Internal_Token=presented), 401, "401_UNAUTHORIZED", "missing")


def test_the_limits_of_the_plan_are_listed(person: MakePerson, runtime: Runtime) -> None:
    mina = person("mina")
    items = limits_of(mina)
    assert items["cards_per_day"] == {
        "limit_key": "cards_per_day",
        "limit_value": 3,
        "current_value": 0,
        "reset_at": "2026-03-12T16:00:00Z",
    }
    assert items["pending_requests_max"]["reset_at"] is None
    make_premium(runtime, mina.user_id)
    assert limits_of(mina)["cards_per_day"]["limit_value"] is None


def limits_of(person: Person) -> dict[str, Any]:
    items = person.get("/quotas/me").get_json()["data"]["items"]
    return {item["limit_key"]: item for item in items}


def new_card(person: Person) -> TestResponse:
    return person.post("/cards/upload-url", {"content_type": "image/jpeg", "file_size_bytes": 1000})


def test_somebody_who_used_up_the_day_buys_premium_and_goes_on(person: MakePerson, play: Books) -> None:
    mina = person("mina")
    assert [new_card(mina).status_code for _ in range(3)] == [200] * 3
    details = refused(new_card(mina), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["current_value"]) == ("cards_per_day", 3)
    play.sell(TOKEN)
    verify(mina)
    assert [new_card(mina).status_code for _ in range(5)] == [200] * 5
    quota = mina.get("/cards/quota/status").get_json()["data"]
    assert (quota["uploads_today"], quota["daily_limit"], quota["unlimited"]) == (8, None, True)


def test_after_premium_people_keep_what_they_have_and_can_add_no_more(
    person: MakePerson, runtime: Runtime
) -> None:
    mina = person("mina")
    make_premium(runtime, mina.user_id)
    for _ in range(5):
        assert new_card(mina).status_code == 200
    card = {"title": "Pull", "idol_name": "Haerin"}
    for _ in range(51):
        assert mina.post("/gallery/cards", card).status_code == 201
    end_premium(runtime, mina.user_id)
    assert len(mina.get("/gallery/cards/me").get_json()["data"]["items"]) == 51
    assert len(mina.get("/cards/me").get_json()["data"]) == 5
    details = refused(mina.post("/gallery/cards", card), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_value"], details["current_value"]) == (50, 51)
    assert refused(new_card(mina), 422, "422_LIMIT_EXCEEDED")["current_value"] == 5
    big = {"content_type": "image/jpeg", "file_size_bytes": 3 * 1024 * 1024}
    assert refused(mina.post("/media/upload-url", big), 422, "422_LIMIT_EXCEEDED")["limit_value"] == 2097152


def test_no_read_is_more_than_two_statements(
    person: MakePerson, count_sql: Callable[[], Any], play: Books
) -> None:
    mina = person("mina")
    for path in ("/subscriptions/status", "/quotas/me", "/cards/quota/status"):
        mina.get(path)
        with count_sql() as sent:
            assert mina.get(path).status_code == 200
            assert sent() <= 2, path
