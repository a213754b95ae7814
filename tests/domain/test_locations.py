"""The cities people swap in."""

from kcardswap.domain.locations import CITIES


def test_the_22_cities_and_counties_come_in_their_order() -> None:
    codes = "TPE NTP TAO TXG TNN KHH KEE HSZ CYI HSQ MIA CHA NAN YUN CYQ PIF ILA HUA TTT PEN KIN LIE"
    assert [city.code for city in CITIES] == codes.split()


def test_every_city_has_an_english_and_a_traditional_chinese_name_of_its_own() -> None:
    assert len({city.name for city in CITIES}) == len({city.name_zh for city in CITIES}) == 22
    assert all(city.name.isascii() for city in CITIES)
    assert all(city.name_zh.endswith(("市", "縣")) for city in CITIES)


def test_cities_and_counties_of_the_same_name_are_told_apart() -> None:
    names = {city.code: city.name for city in CITIES}
    assert (names["HSZ"], names["HSQ"]) == ("Hsinchu City", "Hsinchu County")
    assert (names["CYI"], names["CYQ"]) == ("Chiayi City", "Chiayi County")
