"""Buying premium on a server started the way a new user starts it."""

import requests

from tests.e2e.conftest import Served
from tests.e2e.test_first_swap import Collector


def ask_for_card(collector: Collector) -> requests.Response:
    body = {"content_type": "image/jpeg", "file_size_bytes": 1000}
    return collector.http.post(f"{collector.api}/cards/upload-url", json=body, timeout=10)


def test_a_free_collector_reaches_the_limit_buys_premium_and_goes_on(served: Served) -> None:
    mina = Collector(f"{served.url}/api/v1", "premium-mina")
    assert [ask_for_card(mina).status_code for _ in range(4)] == [200, 200, 200, 422]
    receipt = {"platform": "android", "product_id": "premium_monthly"}
    bought = mina.post("/subscriptions/verify-receipt", {**receipt, "purchase_token": "dev-monthly.mina"})
    assert (bought["plan"], bought["entitlement_active"]) == ("premium", True)
    assert [ask_for_card(mina).status_code for _ in range(3)] == [200, 200, 200]
    assert mina.get("/cards/quota/status")["unlimited"]
    yuna = Collector(f"{served.url}/api/v1", "premium-yuna")
    body = {**receipt, "purchase_token": "dev-monthly.mina"}
    refused = yuna.http.post(f"{yuna.api}/subscriptions/verify-receipt", json=body, timeout=10)
    assert refused.status_code == 409
    output = served.output.read_text()
    assert "Premium" in output and "dev-monthly.mina" not in output and "PRIVATE KEY" not in output
