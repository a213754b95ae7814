"""People who use the API in tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role, SessionClient, User, UserStatus
from kcardswap.domain.profiles import Profile
from kcardswap.runtime import Runtime
from kcardswap.services.accounts import Device, SignedIn, sign_in_with_google

API = "/api/v1"


@dataclass(frozen=True)
class Person:
    """Somebody signed in, talking to the API with a Bearer token."""

    user_id: UUID
    tokens: SignedIn
    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        """Send a GET."""
        return self._send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        """Send a POST."""
        return self._send("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        """Send a PUT."""
        return self._send("PUT", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        """Send a PATCH."""
        return self._send("PATCH", path, json=json, **options)

    def delete(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        """Send a DELETE."""
        return self._send("DELETE", path, json=json, **options)

    def _send(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens.access_token}", **options.pop("headers", {})}
        return self.client.open(API + path, method=method, headers=headers, **options)


def sign_in(runtime: Runtime, name: str) -> SignedIn:
    """Sign ``name`` in through the development identity provider and its complete verification."""
    assert runtime.identity_providers.dev is not None
    id_token = runtime.identity_providers.dev.identity_token(
        email=f"{name}@kcardswap.test", name=name.title(), email_verified=True, now=runtime.clock.now()
    )
    device = Device(client=SessionClient.BEARER, user_agent="tests", ip_prefix=None)
    return sign_in_with_google(
        runtime.unit_of_work(),
        runtime.sign_in_policy,
        runtime.identity_providers,
        id_token=id_token,
        device=device,
    )


def make_person(runtime: Runtime, client: FlaskClient, name: str, role: Role = Role.USER) -> Person:
    """Return ``name``, registered and signed in, with ``role``."""
    tokens = sign_in(runtime, name)
    if role is not Role.USER:
        uow = runtime.unit_of_work()
        with uow:
            uow.users.get(tokens.user_id).role = role
            uow.commit()
    return Person(tokens.user_id, tokens, client)


MakePerson = Callable[..., Person]


def make_user(runtime: Runtime, name: str = "mina") -> UUID:
    """Store an account with a profile, without signing it in; for service tests."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        user = User.register(id=uow.new_id(), email=f"{name}@kcardswap.test", now=now)
        uow.users.add(user)
        uow.flush()
        profile = Profile.blank(id=uow.new_id(), user_id=user.id, now=now)
        profile.rename(name.title())
        uow.profiles.add(profile)
        uow.commit()
        return user.id


def suspend(runtime: Runtime, user_id: UUID) -> None:
    """Mark an account suspended, as moderators do, leaving its sessions alone."""
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(user_id).status = UserStatus.SUSPENDED
        uow.commit()


def delete(runtime: Runtime, user_id: UUID) -> None:
    """Mark an account deleted, as its owner does."""
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(user_id)
        user.status, user.deleted_at = UserStatus.DELETED, uow.clock.now()
        user.email = user.password_hash = None
        uow.commit()


def refused(answer: TestResponse, status: int, code: str, reason: str | None = None) -> dict[str, Any]:
    """Assert that ``answer`` is this refusal in the envelope and return its details."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    body = answer.get_json()
    assert body["data"] is None and body["meta"] is None
    assert body["error"]["code"] == code, body
    details: dict[str, Any] = body["error"]["details"]
    if reason is not None:
        assert details.get("reason") == reason, body
    return details


def invalid_fields(answer: TestResponse) -> set[str]:
    """Assert that ``answer`` refuses the request's form and return the fields it names."""
    details = refused(answer, 400, "400_VALIDATION_FAILED")
    return {error["field"] for error in details["errors"]}
