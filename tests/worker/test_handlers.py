"""Who consumes what."""

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain import base
from kcardswap.domain.media import StorageUnavailable
from kcardswap.domain.notifications import RULES
from kcardswap.domain.subscriptions import Platform, StoreUnavailable
from kcardswap.gateways.dev_play_store import Books, Fault
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from kcardswap.services.subscriptions import verify_receipt
from kcardswap.worker import handlers
from kcardswap.worker.handlers import CONSUMERS
from kcardswap.worker.handling import EventHandler, Outcome
from kcardswap.worker.jobs import JobFailed
from tests.binders import PICTURE, confirm, delete
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import put_card, stored
from tests.worker.events import handed_out, happen


def every_event() -> set[str]:
    found, left = set(), [base.Event]
    while left:
        below = left.pop().__subclasses__()
        found |= {kind.__name__ for kind in below if not kind.__subclasses__()}
        left += below
    return found


def test_every_consumed_event_exists() -> None:
    assert set(CONSUMERS) <= every_event() | {"TradeShipped", "MatchSuggested"}


def test_every_event_people_are_told_of_is_consumed() -> None:
    assert set(RULES) <= set(CONSUMERS)


def test_names_of_consumers_fit_their_column_and_are_one_per_event() -> None:
    for consumers in CONSUMERS.values():
        names = [consumer.name for consumer in consumers]
        assert len(set(names)) == len(names)
        assert all(len(name) <= 60 for name in names)


def carry_out_all(runtime: Runtime, event_type: str) -> list[Outcome]:
    """Carry out what is due of one type."""
    handler = EventHandler(runtime, {event_type: CONSUMERS[event_type]})
    return [handler.handle(event) for event in handed_out(runtime, consumed=event_type)]


def test_an_object_the_storage_kept_goes_soon(
    runtime: Runtime, connection: Connection, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(key: str) -> None:
        raise StorageUnavailable

    mina = make_user(runtime, "mina")
    card_id = put_card(runtime, mina, confirmed=False, data=PICTURE)
    confirm(runtime, card_id, mina)
    key = connection.execute(select(media_assets.c.object_key)).scalar_one()
    with monkeypatch.context() as failing:
        failing.setattr(runtime.storage, "remove", broken)
        delete(runtime, card_id, mina)
        assert carry_out_all(runtime, "CardDeleted") == [Outcome.RETRY]
    assert stored(runtime, key) is not None
    clock.advance(minutes=11)
    assert carry_out_all(runtime, "CardDeleted") == [Outcome.DONE]
    assert stored(runtime, key) is None


def test_a_purchase_whose_request_failed_is_settled_without_waiting_for_the_job(
    runtime: Runtime, play: Books, clock: MovableClock
) -> None:
    mina = make_user(runtime, "mina")
    play.sell("token-of-mina")
    play.fail("get", Fault.ERROR)
    with pytest.raises(StoreUnavailable):
        verify_receipt(
            runtime.unit_of_work(),
            runtime.play_store,
            user_id=mina,
            purchase_token="token-of-mina",
            product_id="premium_monthly",
            platform=Platform.ANDROID,
        )
    assert carry_out_all(runtime, "PurchaseBound") == [Outcome.RETRY]
    clock.advance(minutes=2)
    assert carry_out_all(runtime, "PurchaseBound") == [Outcome.DONE]
    assert play.sold["token-of-mina"].acknowledged


def test_a_purchase_that_needs_nothing_more_is_left_alone(runtime: Runtime, play: Books) -> None:
    mina = make_user(runtime, "mina")
    play.sell("token-of-mina")
    verify_receipt(
        runtime.unit_of_work(),
        runtime.play_store,
        user_id=mina,
        purchase_token="token-of-mina",
        product_id="premium_monthly",
        platform=Platform.ANDROID,
    )
    assert carry_out_all(runtime, "PurchaseBound") == [Outcome.DONE]


def test_a_deleted_account_is_seen_to_even_when_another_cannot_be_erased(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(runtime: Runtime) -> str:
        raise JobFailed("Erased 0 accounts; 1 failed.")

    happen(runtime, event_type="AccountDeleted")
    monkeypatch.setattr(handlers, "erase_accounts", fail)
    assert carry_out_all(runtime, "AccountDeleted") == [Outcome.DONE]
