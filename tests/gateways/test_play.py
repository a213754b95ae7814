"""Google Play: what its answers mean, everything that may go wrong, and how strict the stand-in is."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kcardswap.domain.errors import Unavailable
from kcardswap.domain.subscriptions import PaymentState, ProductMismatch, PurchaseUnknown
from kcardswap.gateways.dev_play_store import (
    Books,
    DevPlayStore,
    Fault,
)
from kcardswap.gateways.identity import new_private_key
from kcardswap.gateways.play import GooglePlayStore, NoPlayStore
from tests.conftest import MovableClock

PRODUCTS = ("premium_monthly", "premium_yearly")
TOKEN = "kdbnhpfo.AO-J1Oz_pzQ"
PATIENCE_SECONDS = 0.4


@pytest.fixture
def server(play_server: DevPlayStore, play: Books) -> DevPlayStore:
    play_server.issued.clear()
    return play_server


def store_of(server: DevPlayStore, **changes: Any) -> GooglePlayStore:
    values: dict[str, Any] = {
        "package_name": server.package_name,
        "product_ids": PRODUCTS,
        "key_path": server.key_path,
        "base_url": server.base_url,
        "read_seconds": PATIENCE_SECONDS,
        **changes,
    }
    return GooglePlayStore(**values)


@pytest.fixture
def store(server: DevPlayStore) -> GooglePlayStore:
    """Our side, asking the stand-in over HTTP."""
    return store_of(server)


@pytest.mark.parametrize(
    "state", sorted(set(PaymentState) - {PaymentState.REVOKED, PaymentState.PENDING_CANCELED})
)
def test_every_state_is_understood(store: GooglePlayStore, play: Books, state: PaymentState) -> None:
    play.sell(TOKEN, state.upper())
    assert store.subscription(TOKEN).state is state


def test_a_canceled_pending_purchase_is_understood(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN, "PENDING_PURCHASE_CANCELED").expires_at = None
    assert store.subscription(TOKEN).state is PaymentState.PENDING_CANCELED


def test_an_answer_says_what_was_bought_until_when(
    store: GooglePlayStore, play: Books, clock: MovableClock
) -> None:
    play.sell(TOKEN, product_id="premium_yearly", lasts=timedelta(days=365), replaces="the-one-before")
    found = store.subscription(TOKEN)
    assert found.product_id == "premium_yearly" and found.product_ids == {"premium_yearly"}
    assert found.purchased_at == clock.now()
    assert found.expires_at == clock.now() + timedelta(days=365)
    assert not found.acknowledged and found.replaces == "the-one-before"


def test_nothing_about_the_buyer_is_kept(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN)
    kept = json.dumps(store.subscription(TOKEN).payload)
    assert "SUBSCRIPTION_STATE_ACTIVE" in kept
    assert "buyer@example.com" not in kept and "Mina" not in kept


def test_a_renewed_purchase_lasts_longer(store: GooglePlayStore, play: Books, clock: MovableClock) -> None:
    play.sell(TOKEN, lasts=timedelta(days=30), renews_every=timedelta(days=30))
    clock.advance(days=61)
    assert store.subscription(TOKEN).expires_at == clock.now() + timedelta(days=29)


def test_a_refunded_purchase_is_over(store: GooglePlayStore, play: Books, clock: MovableClock) -> None:
    play.sell(TOKEN)
    play.refund(TOKEN)
    found = store.subscription(TOKEN)
    assert (found.state, found.expires_at) == (PaymentState.EXPIRED, clock.now())


def test_acknowledging_is_seen_and_may_be_repeated(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN)
    store.acknowledge(TOKEN, "premium_monthly")
    store.acknowledge(TOKEN, "premium_monthly")
    assert store.subscription(TOKEN).acknowledged


@pytest.mark.parametrize("state", ["PENDING", "EXPIRED"])
def test_what_was_not_paid_cannot_be_acknowledged(store: GooglePlayStore, play: Books, state: str) -> None:
    play.sell(TOKEN, state)
    with pytest.raises(PurchaseUnknown):
        store.acknowledge(TOKEN, "premium_monthly")


def test_tokens_the_store_does_not_know_are_unknown(store: GooglePlayStore, play: Books) -> None:
    for token in ("never-sold", "../../v3/applications", "a/b?c#d", "%2e%2e"):
        with pytest.raises(PurchaseUnknown):
            store.subscription(token)
    assert set(play.calls) == {"token", "get"}, "no part of a token leads anywhere else"


def test_a_purchase_that_ended_long_ago_is_unknown(
    store: GooglePlayStore, play: Books, clock: MovableClock
) -> None:
    play.sell(TOKEN, "EXPIRED", lasts=timedelta(days=-61))
    with pytest.raises(PurchaseUnknown):
        store.subscription(TOKEN)


def test_a_purchase_of_another_app_is_unknown(server: DevPlayStore, play: Books) -> None:
    play.sell(TOKEN)
    with pytest.raises(PurchaseUnknown):
        store_of(server, package_name="com.somebody.else").subscription(TOKEN)


def test_a_purchase_of_a_product_that_is_none_of_ours_is_refused(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN, product_id="sticker_pack")
    with pytest.raises(ProductMismatch):
        store.subscription(TOKEN)


@pytest.mark.parametrize(
    "fault", [Fault.SLOW, Fault.ERROR, Fault.TOO_MANY, Fault.GARBAGE], ids=lambda fault: fault.name
)
@pytest.mark.parametrize("call", ["get", "token"])
def test_a_store_that_does_not_answer_properly_is_unavailable(
    server: DevPlayStore, store: GooglePlayStore, play: Books, call: str, fault: Fault
) -> None:
    play.sell(TOKEN)
    play.fail(call, fault)
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        store.subscription(TOKEN)
    assert raised.value.details == {"service": "google_play"}
    assert time.monotonic() - began < 3 * PATIENCE_SECONDS
    assert play.calls.count(call) == 1, "nothing is repeated but a broken connection"
    assert store.subscription(TOKEN).state is PaymentState.ACTIVE


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.LOST], ids=lambda fault: fault.name)
@pytest.mark.parametrize("call", ["get", "token"])
def test_a_connection_that_breaks_is_tried_once_more(
    store: GooglePlayStore, play: Books, call: str, fault: Fault
) -> None:
    play.sell(TOKEN)
    play.fail(call, fault)
    assert store.subscription(TOKEN).state is PaymentState.ACTIVE
    play.calls.clear()
    play.fail("get", fault, fault)
    with pytest.raises(Unavailable):
        store.subscription(TOKEN)
    assert play.calls == ["get", "get"]


def test_an_acknowledgement_whose_answer_is_lost_has_happened(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN)
    play.fail("acknowledge", Fault.LOST, Fault.LOST)
    with pytest.raises(Unavailable):
        store.acknowledge(TOKEN, "premium_monthly")
    assert play.sold[TOKEN].acknowledged
    store.acknowledge(TOKEN, "premium_monthly")


def test_nobody_there_is_unavailable(server: DevPlayStore) -> None:
    store = store_of(server, base_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        store.subscription(TOKEN)


def test_an_answer_that_never_ends_is_not_waited_for(server: DevPlayStore, google_drip: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable):
        store_of(server, base_url=google_drip).subscription(TOKEN)
    assert time.monotonic() - began < 5 * PATIENCE_SECONDS


@pytest.fixture
def google_drip() -> Iterator[str]:
    """The base URL of a server that answers one byte at a time."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(PATIENCE_SECONDS / 4)
            except OSError:
                pass

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_access_token_is_used_again_and_renewed_when_it_is_refused(
    server: DevPlayStore, store: GooglePlayStore, play: Books
) -> None:
    play.sell(TOKEN)
    store.subscription(TOKEN)
    store.subscription(TOKEN)
    assert play.calls == ["token", "get", "get"]
    server.issued = dict.fromkeys(server.issued, 0.0)
    store.subscription(TOKEN)
    assert play.calls[3:] == ["refused", "token", "get"]


def test_sixteen_first_questions_at_once_share_one_access_token(store: GooglePlayStore, play: Books) -> None:
    play.sell(TOKEN)
    with ThreadPoolExecutor(16) as pool:
        states = {answer.state for answer in pool.map(store.subscription, [TOKEN] * 16)}
    assert states == {PaymentState.ACTIVE} and play.calls.count("token") == 1


def changed_key(server: DevPlayStore, folder: Path, **changes: str) -> Path:
    path = folder / "key.json"
    path.write_text(json.dumps({**json.loads(server.key_path.read_text()), **changes}))
    return path


@pytest.mark.parametrize("field", ["private_key", "private_key_id", "client_email"])
def test_a_service_account_google_refuses_is_our_fault_and_is_logged(
    server: DevPlayStore, play: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    play.sell(TOKEN)
    value = new_private_key() if field == "private_key" else "somebody-else"
    store = store_of(server, key_path=changed_key(server, tmp_path, **{field: value}))
    with pytest.raises(Unavailable):
        store.subscription(TOKEN)
    assert play.calls == ["token"]
    said = capsys.readouterr()
    assert "play_service_account_refused" in said.out + said.err


def test_a_key_file_that_is_none_is_our_fault(server: DevPlayStore, tmp_path: Path) -> None:
    for content in ("", "{}", "[]", "null", '{"private_key": "x", "client_email": "y", "token_uri": "z"}'):
        (tmp_path / "key.json").write_text(content)
        with pytest.raises(Unavailable):
            store_of(server, key_path=tmp_path / "key.json").subscription(TOKEN)
    with pytest.raises(Unavailable):
        store_of(server, key_path=tmp_path / "missing.json").subscription(TOKEN)


STRANGE_ANSWERS: list[Any] = [
    None,
    [],
    "text",
    {},
    {"subscriptionState": "SUBSCRIPTION_STATE_NEW", "lineItems": []},
    {"subscriptionState": ["SUBSCRIPTION_STATE_ACTIVE"], "lineItems": []},
    {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "lineItems": {"productId": "premium_monthly"}},
    {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "lineItems": [{"productId": "premium_monthly"}]},
    {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "lineItems": [{"productId": ["premium_monthly"]}]},
    *(
        {
            "subscriptionState": "SUBSCRIPTION_STATE_ACTIVE",
            "lineItems": [{"productId": "premium_monthly", "expiryTime": expiry}],
        }
        for expiry in ("tomorrow", "2026-04-01T00:00:00", 5, ["2026-04-01T00:00:00Z"])
    ),
    *(
        {
            "subscriptionState": "SUBSCRIPTION_STATE_PENDING",
            "lineItems": [{"productId": "premium_monthly"}],
            "regionCode": text,
        }
        for text in ("\x00", "\ud800")
    ),
]


@pytest.mark.parametrize("said", STRANGE_ANSWERS, ids=range(len(STRANGE_ANSWERS)))
def test_answers_that_make_no_sense_give_nobody_anything(
    server: DevPlayStore, store: GooglePlayStore, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    monkeypatch.setattr(server, "purchase", lambda package, token: (200, said))
    with pytest.raises(Unavailable):
        store.subscription(TOKEN)


def test_of_several_items_ours_that_lasts_longest_counts(
    server: DevPlayStore, store: GooglePlayStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [
        {"productId": "sticker_pack", "expiryTime": "2030-01-01T00:00:00Z"},
        {"productId": "premium_monthly", "expiryTime": "2026-04-01T00:00:00Z"},
        {"productId": "premium_yearly", "expiryTime": "2027-03-01T00:00:00.123456789Z"},
    ]
    said = {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "lineItems": items}
    monkeypatch.setattr(server, "purchase", lambda package, token: (200, said))
    found = store.subscription(TOKEN)
    assert found.product_id == "premium_yearly" and found.product_ids == set(PRODUCTS)
    assert found.expires_at is not None and found.expires_at.year == 2027


def test_without_configuration_the_store_is_unavailable() -> None:
    for call in (lambda: NoPlayStore().subscription(TOKEN), lambda: NoPlayStore().acknowledge(TOKEN, "x")):
        with pytest.raises(Unavailable):
            call()
