"""Firebase: what it is sent, everything it may answer, and how strict the stand-in is."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
import requests

from kcardswap.domain.notifications import Push, PushFailed, PushOutcome, Text
from kcardswap.gateways.google_service_account import ServiceAccount
from kcardswap.gateways.identity import new_private_key
from kcardswap.gateways.push import FcmPushSender, LoggedPushSender, message_of
from kcardswap.logs import configure_logging
from tests.conftest import PROJECT
from tests.gateways import fcm_server
from tests.gateways.fcm_server import CLIENT_EMAIL, KEY_ID, Fault, FcmServer, private_key

TOKEN = "dQw4w9WgXcQ:APA91bH-mina"
ROOM = "chat_message:0199a7c0-5f3e-7c52-9d6a-1b2c3d4e5f60"
PATIENCE_SECONDS = 0.4


def a_push(**changes: Any) -> Push:
    values: dict[str, Any] = {
        "fcm_token": TOKEN,
        "user_id": UUID(int=7),
        "text": Text("New message", "미나님이 메시지를 보냈어요."),
        "data": {"type": "chat_message", "room_id": str(UUID(int=8))},
        "tag": ROOM,
    }
    return Push(**{**values, **changes})


def sender_of(fcm: FcmServer, **changes: Any) -> FcmPushSender:
    values: dict[str, Any] = {
        "credentials_path": fcm.key_path,
        "base_url": fcm.base_url,
        "read_seconds": PATIENCE_SECONDS,
        **changes,
    }
    return FcmPushSender(**values)


@pytest.fixture
def sender(fcm: FcmServer) -> FcmPushSender:
    """Our side, asking the stand-in over HTTP."""
    return sender_of(fcm)


def test_a_push_arrives_with_its_words_and_its_data(sender: FcmPushSender, fcm: FcmServer) -> None:
    assert sender.send(a_push()) is PushOutcome.SENT
    [accepted] = fcm.accepted
    assert accepted.token == TOKEN
    assert accepted.notification == {"title": "New message", "body": "미나님이 메시지를 보냈어요."}
    assert accepted.data == {"type": "chat_message", "room_id": str(UUID(int=8))}


def test_what_replaces_one_another_has_one_tag_on_every_platform() -> None:
    def tags(push: Push) -> set[str]:
        message = message_of(push)
        return {
            message["android"]["notification"]["tag"],
            message["apns"]["headers"]["apns-collapse-id"],
            message["webpush"]["headers"]["Topic"],
            message["webpush"]["notification"]["tag"],
        }

    assert len(tags(a_push())) == 1
    assert tags(a_push()) == tags(a_push(text=Text("x", "y"), fcm_token="other"))
    assert tags(a_push()) != tags(a_push(tag="another room"))


def test_one_access_token_serves_many_pushes_at_once(sender: FcmPushSender, fcm: FcmServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(lambda n: sender.send(a_push(fcm_token=f"token-{n}")), range(16)))
    assert outcomes == {PushOutcome.SENT}
    assert {each.token for each in fcm.accepted} == {f"token-{n}" for n in range(16)}
    assert fcm.calls.count("token") == 1


def test_a_refused_access_token_is_renewed_once(sender: FcmPushSender, fcm: FcmServer) -> None:
    sender.send(a_push())
    fcm.issued.clear()
    assert sender.send(a_push()) is PushOutcome.SENT
    assert fcm.calls == ["token", "send", "refused", "token", "send"]
    fcm.faults = [Fault.WITHDRAWN, Fault.WITHDRAWN]
    with pytest.raises(PushFailed, match="fcm_401"):
        sender.send(a_push())


@pytest.mark.parametrize("which", ["gone", "foreign", "malformed"])
def test_a_token_that_leads_nowhere_is_told_from_a_service_that_fails(
    sender: FcmPushSender, fcm: FcmServer, which: str
) -> None:
    if which == "malformed":
        assert sender.send(a_push(fcm_token="no token at all")) is PushOutcome.TOKEN_GONE
        return
    getattr(fcm, which).add(TOKEN)
    assert sender.send(a_push()) is PushOutcome.TOKEN_GONE
    assert sender.send(a_push(fcm_token="another")) is PushOutcome.SENT


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.UNAVAILABLE], ids=["429", "503"])
def test_a_busy_service_says_when_to_come_back(sender: FcmPushSender, fcm: FcmServer, fault: Fault) -> None:
    fcm.faults = [fault]
    with pytest.raises(PushFailed) as failed:
        sender.send(a_push())
    assert failed.value.retry_after == 30
    assert fcm.accepted == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("0", 1), ("7", 7), ("999999999", 3600), (None, None), ("soon", None), ("nan", None), ("-5", None)],
)
def test_the_pause_a_service_asks_for_is_kept_within_reason(
    sender: FcmPushSender, fcm: FcmServer, said: str | None, seconds: float | None
) -> None:
    fcm.faults, fcm.retry_after = [Fault.UNAVAILABLE], said
    with pytest.raises(PushFailed) as failed:
        sender.send(a_push())
    assert failed.value.retry_after == seconds


def test_the_pause_may_be_told_as_a_moment(sender: FcmPushSender, fcm: FcmServer) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    fcm.faults, fcm.retry_after = [Fault.UNAVAILABLE], format_datetime(moment, usegmt=True)
    with pytest.raises(PushFailed) as failed:
        sender.send(a_push())
    assert 80 < (failed.value.retry_after or 0) <= 90


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.HANG, Fault.HANG_UP, Fault.LOST, Fault.FORBIDDEN])
def test_everything_else_fails_without_a_word_about_the_token(
    sender: FcmPushSender, fcm: FcmServer, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO")
    fcm.faults = [fault]
    began = time.monotonic()
    with pytest.raises(PushFailed) as failed:
        sender.send(a_push())
    assert failed.value.retry_after is None
    assert time.monotonic() - began < 5
    said = capsys.readouterr()
    assert "fcm_" in said.out + said.err
    assert TOKEN not in said.out + said.err and "미나" not in said.out + said.err


def test_an_answer_that_is_lost_is_not_asked_for_again_at_once(sender: FcmPushSender, fcm: FcmServer) -> None:
    fcm.faults = [Fault.LOST]
    with pytest.raises(PushFailed):
        sender.send(a_push())
    assert len(fcm.accepted) == 1 and fcm.calls.count("send") == 1


def test_a_message_that_is_too_large_is_our_fault_and_not_the_tokens(
    sender: FcmPushSender, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PushFailed, match="fcm_400"):
        sender.send(a_push(data={"type": "chat_message", "note": "x" * 4096}))
    said = capsys.readouterr()
    assert "fcm_refused" in said.out + said.err


def test_nobody_there_is_a_failure(fcm: FcmServer) -> None:
    with pytest.raises(PushFailed, match="fcm_not_reached"):
        sender_of(fcm, base_url="http://127.0.0.1:9").send(a_push())


def changed_key(fcm: FcmServer, folder: Path, **changes: Any) -> Path:
    path = folder / "changed.json"
    path.write_text(json.dumps({**json.loads(fcm.key_path.read_text()), **changes}))
    return path


@pytest.mark.parametrize("field", ["private_key", "private_key_id", "client_email", "project_id"])
def test_a_service_account_firebase_refuses_sends_nothing(fcm: FcmServer, tmp_path: Path, field: str) -> None:
    value = new_private_key() if field == "private_key" else "somebody-else"
    sender = sender_of(fcm, credentials_path=changed_key(fcm, tmp_path, **{field: value}))
    with pytest.raises(PushFailed):
        sender.send(a_push())
    assert fcm.accepted == []


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", None])
def test_a_key_file_that_is_none_is_our_fault(fcm: FcmServer, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PushFailed):
        sender_of(fcm, credentials_path=path).send(a_push())


def test_a_key_file_without_a_project_is_our_fault(fcm: FcmServer, tmp_path: Path) -> None:
    with pytest.raises(PushFailed):
        sender_of(fcm, credentials_path=changed_key(fcm, tmp_path, project_id=None)).send(a_push())


def test_without_a_project_only_type_and_person_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    assert LoggedPushSender().send(a_push()) is PushOutcome.SENT
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err and "미나" not in said.out + said.err
    assert TOKEN not in repr(a_push()) and "미나" not in repr(a_push())


def assertion(fcm: FcmServer, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": CLIENT_EMAIL,
        "aud": f"{fcm.base_url}/token",
        "scope": fcm_server.SCOPE,
        "iat": now,
        "exp": now + 600,
    }
    key = changes.pop("key", None) or private_key()
    return jwt.encode({**claims, **changes}, key, algorithm="RS256", headers={"kid": KEY_ID})


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"aud": "https://elsewhere.example/token"}, 400),
        ({"scope": "https://www.googleapis.com/auth/androidpublisher"}, 400),
        ({"iss": "somebody@else.example"}, 400),
        ({"iat": 1, "exp": 2}, 400),
        ({"exp": int(time.time()) + 90_000}, 400),
        ({"key": "another"}, 400),
    ],
    ids=["good", "audience", "scope", "issuer", "expired", "too long a life", "signature"],
)
def test_the_stand_in_gives_tokens_for_good_assertions_only(
    fcm: FcmServer, change: dict[str, Any], status: int
) -> None:
    if "key" in change:
        change = {"key": new_private_key()}
    form = {"grant_type": fcm_server.GRANT, "assertion": assertion(fcm, **change)}
    answer = requests.post(f"{fcm.base_url}/token", data=form, timeout=5)
    assert answer.status_code == status, answer.text


def without(path: str) -> Callable[[dict[str, Any]], None]:
    def change(message: dict[str, Any]) -> None:
        del message[path]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("token"),
        lambda message: message.update(token=7),
        lambda message: message["data"].update(count=3),
        lambda message: message["data"].update({"from": "us"}),
        lambda message: message["data"].update({"google.x": "us"}),
        lambda message: message["notification"].update(text="unknown"),
        lambda message: message.update(topic="all"),
        lambda message: message["android"].update(priority="urgent"),
        lambda message: message["apns"]["headers"].update({"apns-collapse-id": "x" * 65}),
        lambda message: message["webpush"]["headers"].update(Topic="x" * 33),
    ],
    ids=[
        *("no token", "no text", "a number", "reserved", "reserved prefix", "unknown", "two targets"),
        *("priority", "collapse id", "topic"),
    ],
)
def test_the_stand_in_takes_well_formed_messages_only(
    fcm: FcmServer, change: Callable[[dict[str, Any]], None]
) -> None:
    account = ServiceAccount(fcm.key_path, scope=fcm_server.SCOPE, service="fcm")
    url = f"{fcm.base_url}/v1/projects/{account.project_id}/messages:send"
    message = message_of(a_push())
    assert account.call("POST", url, json.dumps({"message": message}).encode()).status == 200
    change(message)
    assert account.call("POST", url, json.dumps({"message": message}).encode()).status == 400
    assert account.call("POST", url, b"{").status == 400
    assert requests.post(url, json={"message": message}, timeout=5).status_code == 401


def test_the_stand_in_runs_as_a_process_too(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.gateways.fcm_server", str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        sender = FcmPushSender(credentials_path=Path(where["key_path"]), base_url=where["base_url"])
        assert sender.send(a_push()) is PushOutcome.SENT
        process.terminate()
    [line] = (tmp_path / "accepted.jsonl").read_text().splitlines()
    assert json.loads(line)["token"] == TOKEN
