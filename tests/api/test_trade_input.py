"""What requests about swaps may say, field by field."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.runtime import Runtime
from tests.api.swappers import COUNTER, STEPS, Swappers, take
from tests.people import API, MakePerson, invalid_fields, refused
from tests.swaps import make_cards


@pytest.fixture
def two(runtime: Runtime, person: MakePerson) -> Swappers:
    return Swappers(runtime, person)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "open"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"offset": "10001"}, "offset"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "nonsense", "offset": "0"}, "cursor"),
    ],
)
def test_a_malformed_query_names_its_field(two: Swappers, query: dict[str, str], field: str) -> None:
    assert invalid_fields(two.mina.get("/trades/history", query_string=query)) == {field}


BAD_CARDS: list[Any] = [None, [], "x", ["x"], [None], [7], [str(UUID(int=n)) for n in range(21)]]


@pytest.mark.parametrize("side", ["initiator_card_ids", "responder_card_ids"])
@pytest.mark.parametrize("value", BAD_CARDS)
def test_each_side_lists_one_to_twenty_cards(two: Swappers, side: str, value: Any) -> None:
    (field,) = invalid_fields(two.mina.post("/trades", two.body(**{side: value})))
    assert field.partition(".")[0].partition("[")[0] == side
    trade = two.propose()
    body = {"initiator_card_ids": two.juns[:1], "responder_card_ids": two.minas[:1], side: value}
    (field,) = invalid_fields(take(two.jun, trade, "counter", body))
    assert field.partition(".")[0].partition("[")[0] == side


def test_twenty_cards_of_a_side_are_fine(two: Swappers, runtime: Runtime) -> None:
    twenty = [str(card) for card in make_cards(runtime, two.mina.user_id, 20)]
    assert len(two.propose(initiator_card_ids=twenty)["items"]) == 21


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"responder_id": None}, "responder_id"),
        ({"responder_id": "jun"}, "responder_id"),
        ({"meeting": "telepathy"}, "meeting"),
        ({"meeting": None}, "meeting"),
        ({"match_id": 7}, "match_id"),
        ({"match_id": "x" * 4001}, "match_id"),
        ({"match_id": "a\x00b"}, "match_id"),
    ],
)
def test_a_malformed_proposal_names_its_field(two: Swappers, changes: Any, field: str) -> None:
    assert invalid_fields(two.mina.post("/trades", two.body(**changes))) == {field}


def test_read_only_fields_have_no_effect(two: Swappers) -> None:
    trade = two.propose(status="completed", id=str(uuid4()), initiator_id=str(two.jun.user_id))
    assert (trade["status"], trade["initiator_id"]) == ("proposed", str(two.mina.user_id))


def test_a_blank_match_counts_as_none(two: Swappers) -> None:
    assert two.propose(match_id="  ")["status"] == "proposed"


@pytest.mark.parametrize("path", [f"/trades/x/{step}" for step in STEPS] + ["/trades/x"])
def test_a_malformed_id_in_the_path_is_a_bad_request(two: Swappers, path: str) -> None:
    answer = two.mina.get(path) if path == "/trades/x" else two.mina.post(path, COUNTER)
    assert invalid_fields(answer) == {"trade_id"}


SOME_TRADE = "/trades/0190b6a0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/trades"),
        ("GET", "/trades/history"),
        ("GET", SOME_TRADE),
        *(("POST", f"{SOME_TRADE}/{step}") for step in STEPS),
    ],
)
def test_trades_are_for_people_who_are_signed_in(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(API + path, method=method), 401, "401_UNAUTHORIZED", "missing")
