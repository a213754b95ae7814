"""Cities over HTTP."""

from typing import Any

from flask.testing import FlaskClient

from tests.people import API

CODES = "TPE NTP TAO TXG TNN KHH KEE HSZ CYI HSQ MIA CHA NAN YUN CYQ PIF ILA HUA TTT PEN KIN LIE"


def test_the_cities_come_in_their_order_without_signing_in(client: FlaskClient) -> None:
    answer = client.get(f"{API}/locations/cities")
    assert answer.status_code == 200
    cities = answer.get_json()["data"]["cities"]
    assert [city["code"] for city in cities] == CODES.split()
    assert cities[0] == {"code": "TPE", "name": "Taipei City", "name_zh": "臺北市"}
    assert cities[-1] == {"code": "LIE", "name": "Lienchiang County", "name_zh": "連江縣"}


def test_cities_need_no_database_and_are_not_sent_again(client: FlaskClient, count_sql: Any) -> None:
    with count_sql() as sent:
        first = client.get(f"{API}/locations/cities")
        assert sent() == 0
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(f"{API}/locations/cities", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
