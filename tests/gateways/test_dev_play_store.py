"""How strict the stand-in for Google Play is."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from kcardswap.domain.errors import Refusal
from kcardswap.domain.subscriptions import PaymentState, PurchaseUnknown
from kcardswap.gateways.dev_play_store import (
    CLIENT_EMAIL,
    GOOGLE_TOKEN_URL,
    GRANT,
    KEY_ID,
    SAMPLES,
    SCOPE,
    Books,
    DevPlayStore,
)
from kcardswap.gateways.identity import new_private_key
from kcardswap.gateways.play import GooglePlayStore

TOKEN = "kdbnhpfo.AO-J1Oz_pzQ"


@pytest.fixture
def server(play_server: DevPlayStore, play: Books) -> DevPlayStore:
    return play_server


@pytest.fixture
def store(server: DevPlayStore) -> GooglePlayStore:
    """Our side, asking the stand-in over HTTP."""
    return GooglePlayStore(
        package_name=server.package_name,
        product_ids=("premium_monthly", "premium_yearly"),
        key_path=server.key_path,
        base_url=server.base_url,
    )


def assertion(server: DevPlayStore, *, key: str | None = None, kid: str = KEY_ID, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": CLIENT_EMAIL,
        "aud": GOOGLE_TOKEN_URL,
        "scope": SCOPE,
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    private_key = key or json.loads(server.key_path.read_text())["private_key"]
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, private_key, algorithm="RS256", headers={"kid": kid})


def ask_for_token(server: DevPlayStore, said: str, grant: str = GRANT) -> requests.Response:
    return requests.post(f"{server.base_url}/token", data={"grant_type": grant, "assertion": said}, timeout=5)


def test_the_stand_in_gives_a_token_for_a_good_assertion_only(server: DevPlayStore) -> None:
    assert ask_for_token(server, assertion(server)).status_code == 200
    now = int(time.time())
    refused: list[dict[str, Any]] = [
        {"iss": "somebody@else"},
        {"aud": "https://example.com/token"},
        {"scope": "https://www.googleapis.com/auth/drive"},
        {"scope": None},
        {"iat": now + 3600, "exp": now + 7000},
        {"iat": now - 7200, "exp": now - 3600},
        {"exp": now + 86400},
        {"exp": None},
        {"kid": "another"},
        {"key": new_private_key()},
    ]
    for changes in refused:
        answer = ask_for_token(server, assertion(server, **changes))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), changes
    unsigned = jwt.encode({"iss": CLIENT_EMAIL}, "", algorithm="none", headers={"kid": KEY_ID})
    for said in (unsigned, "", "nonsense"):
        assert ask_for_token(server, said).status_code == 400
    assert ask_for_token(server, assertion(server), grant="password").status_code == 400


def test_the_stand_in_answers_nobody_without_its_token(server: DevPlayStore, play: Books) -> None:
    play.sell(TOKEN)
    url = f"{server.base_url}/androidpublisher/v3/applications/{server.package_name}/purchases"
    path = f"{url}/subscriptionsv2/tokens/{TOKEN}"
    access = ask_for_token(server, assertion(server)).json()["access_token"]
    for header in (None, "", "Bearer", "Bearer nonsense", f"Basic {access}", access):
        headers = {} if header is None else {"Authorization": header}
        assert requests.get(path, headers=headers, timeout=5).status_code == 401
    good = {"Authorization": f"Bearer {access}"}
    assert requests.get(path, headers=good, timeout=5).status_code == 200
    assert requests.post(path, headers=good, timeout=5).status_code == 404
    wrong_product = f"{url}/subscriptions/premium_yearly/tokens/{TOKEN}:acknowledge"
    assert requests.post(wrong_product, headers=good, timeout=5).status_code == 400
    server.issued[access] = time.time() - 1
    assert requests.get(path, headers=good, timeout=5).status_code == 401


def test_the_stand_in_sells_samples_to_everybody_who_asks_for_a_new_one(
    server: DevPlayStore, store: GooglePlayStore, play: Books
) -> None:
    with pytest.raises(PurchaseUnknown):
        store.subscription("dev-monthly.1")
    play.samples = True
    for kind in SAMPLES:
        store.subscription(f"{kind}.mina")
    assert store.subscription("dev-trial.mina").state is PaymentState.ACTIVE
    with pytest.raises(Refusal):
        store.subscription("dev-nothing.mina")


def test_the_key_file_of_the_stand_in_is_private_and_goes_with_it(tmp_path: Path) -> None:
    with DevPlayStore(data_dir=tmp_path).serve() as server:
        assert server.key_path.stat().st_mode & 0o077 == 0
        assert set(server.settings()) == {
            "GOOGLE_PLAY_PACKAGE_NAME",
            "GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH",
            "GOOGLE_PLAY_BASE_URL",
        }
    assert not server.key_path.exists()
