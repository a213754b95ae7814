"""Every act of an administrator is in the audit log, whichever operation it is."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role
from kcardswap.persistence.orm.moderation import audit_log
from kcardswap.runtime import Runtime
from tests.api.test_openapi import operations, spec_of
from tests.conftest import MovableClock
from tests.moderating import file_report, sanction_ids, shut_out
from tests.people import API, MakePerson, Person, make_user
from tests.posts import comment, make_post
from tests.premium import make_premium
from tests.wishes import photocard

NOTE = {"note": "Looked at it."}


class Acts:
    """How each operation that changes something for an administrator is called so that it does."""

    def __init__(
        self, runtime: Runtime, connection: Connection, clock: MovableClock, root: Person, jun: UUID
    ) -> None:
        self.runtime, self.connection, self.clock = runtime, connection, clock
        self.root, self.jun = root, jun

    def review_report(self) -> Any:
        return self.root.post(f"/admin/reports/{self._report()}/review")

    def resolve_report(self) -> Any:
        return self.root.post(f"/admin/reports/{self._report()}/resolve", {"action": "dismiss", **NOTE})

    def suspend_user(self) -> Any:
        return self.root.post(f"/admin/users/{self.jun}/suspend", NOTE)

    def unsuspend_user(self) -> Any:
        shut_out(self.runtime, self.jun)
        return self.root.post(f"/admin/users/{self.jun}/unsuspend", NOTE)

    def decide_appeal(self) -> Any:
        shut_out(self.runtime, self.jun)
        (sanction_id,) = sanction_ids(self.connection, self.jun)
        uow = self.runtime.unit_of_work()
        with uow:
            uow.sanctions.get(sanction_id).appeal("It was not me.", now=uow.clock.now())
            uow.commit()
        return self.root.post(f"/admin/appeals/{sanction_id}/decide", {"outcome": "upheld", **NOTE})

    def curate_photocard(self) -> Any:
        return self.root.patch(f"/admin/catalog/photocards/{self._photocard()}", {"rarity": "rare"})

    def merge_photocard(self) -> Any:
        into = {"into_id": str(photocard(self.runtime, self.jun, "Liz"))}
        return self.root.post(f"/admin/catalog/photocards/{self._photocard()}/merge", into)

    def expire_subscriptions(self) -> Any:
        make_premium(self.runtime, self.jun, minutes=1)
        self.clock.advance(minutes=2)
        return self.root.post("/subscriptions/expire-subscriptions")

    def delete_post(self) -> Any:
        return self.root.delete(f"/posts/{make_post(self.runtime, self.jun)}")

    def delete_comment(self) -> Any:
        post_id = make_post(self.runtime, self.jun)
        return self.root.delete(f"/posts/{post_id}/comments/{comment(self.runtime, post_id, self.jun)}")

    def _report(self) -> UUID:
        return file_report(self.runtime, make_user(self.runtime, "sana"), self.jun).report_id

    def _photocard(self) -> UUID:
        return photocard(self.runtime, self.jun)


@pytest.fixture
def acts(runtime: Runtime, connection: Connection, clock: MovableClock, person: MakePerson) -> Acts:
    return Acts(runtime, connection, clock, person("root", Role.ADMIN), make_user(runtime, "jun"))


def test_every_operation_of_administrators_that_changes_something_is_tried(app: Flask) -> None:
    changing = {
        operation["operationId"]
        for name, operation in operations(spec_of(app))
        if operation["x-caller"].startswith("admin") and not name.startswith("GET ")
    }
    assert len(changing) > 6
    tried = {name for name in vars(Acts) if not name.startswith("_")}
    assert tried - changing == {"delete_post", "delete_comment"}
    assert changing <= tried
    assert all(
        name.partition(" ")[2].startswith(API) for name, _ in operations(spec_of(app)) if "/admin/" in name
    )


@pytest.mark.parametrize("name", sorted(name for name in vars(Acts) if not name.startswith("_")))
def test_what_an_administrator_does_is_in_the_audit_log(acts: Acts, name: str) -> None:
    act: Callable[[], Any] = getattr(acts, name)
    answer = act()
    assert answer.status_code in (200, 204), answer.get_data(as_text=True)
    by_root = select(audit_log).where(audit_log.c.actor_id == acts.root.user_id)
    (entry,) = acts.connection.execute(by_root).all()
    assert entry.request_id == answer.headers["X-Request-ID"]
    assert entry.created_at == acts.clock.now()


@pytest.mark.parametrize("name", ["delete_post", "delete_comment"])
def test_what_its_owner_takes_away_is_nobody_else_s_business(
    acts: Acts, person: MakePerson, name: str
) -> None:
    acts.root = person("jun2")
    acts.jun = acts.root.user_id
    assert getattr(acts, name)().status_code == 204
    assert acts.connection.execute(select(audit_log)).all() == []


def test_a_refused_act_leaves_no_trace(acts: Acts, connection: Connection) -> None:
    answer = acts.root.post(f"/admin/users/{acts.root.user_id}/suspend", NOTE)
    assert answer.status_code == 400
    assert connection.execute(select(audit_log)).all() == []
