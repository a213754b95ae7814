"""What counts as a phone number or an address, and what only looks like one."""

import pytest

from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.personal_data import PersonalDataTold, refuse_personal_data, tells_personal_data

TELLING = {
    "mobile": "0912345678",
    "mobile with dashes": "0912-345-678",
    "mobile with spaces": "0912 345 678",
    "mobile with one dash": "0912-345678",
    "mobile with a gap at the end": "0912345 678",
    "mobile mixed": "0987 654-321",
    "mobile among words": "電話0912345678謝謝",
    "mobile behind a colon": "tel:0912-345-678",
    "mobile behind letters": "line0912345678",
    "mobile at the end of a sentence": "打給我 0912-345-678。",
    "mobile with an en dash": "0912–345–678",
    "mobile with a minus": "0912−345−678",
    "mobile with spaced dashes": "0912 - 345 - 678",
    "full-width mobile": "０９１２３４５６７８",
    "full-width mobile with dashes": "０９１２－３４５－６７８",
    "full-width mobile with wide spaces": "０９１２　３４５　６７８",
    "half full-width mobile": "09１２-345-６78",
    "circled mobile": "⓪⑨①②③④⑤⑥⑦⑧",
    "mathematical mobile": "𝟬𝟵𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴",
    "Korean mobile": "01012345678",
    "Korean mobile with dashes": "010-1234-5678",
    "Korean mobile with spaces": "010 1234 5678",
    "old Korean mobile": "016-1234-5678",
    "full-width Korean mobile": "０１０－１２３４－５６７８",
    "Taipei landline": "0223456789",
    "Taipei landline with dashes": "02-2345-6789",
    "Taipei landline with spaces": "02 2345 6789",
    "Taipei landline in parentheses": "(02)2345-6789",
    "Taipei landline in parentheses with a space": "（02） 2345-6789",
    "Taoyuan landline": "03-345-6789",
    "Nantou landline": "049-234-5678",
    "Kinmen landline": "082 345 678 or 082-345-6789",
    "Japanese mobile": "090-1234-5678",
    "international": "+886912345678",
    "international with spaces": "+886 912 345 678",
    "international with dashes": "+886-912-345-678",
    "international Korean": "+82 10 1234 5678",
    "international American": "+1 415 555 2671",
    "international of eight digits": "+12345678",
    "international of fifteen digits": "+123456789012345",
    "full-width international": "＋８８６９１２３４５６７８",
    "road": "忠孝東路四段100號",
    "street": "台中市一中街12號",
    "boulevard": "市民大道5號",
    "lane": "中山北路二段20巷3號",
    "alley": "12巷5弄7號",
    "lane alone": "寄到 20巷 3號",
    "road with spaces": "信義路 5 段 7 號",
    "road with full-width digits": "信義路五段７號",
    "road with a suffix": "中正路12號之3",
    "road over a line": "信義路五段\n7號",
    "ten characters": "路一二三四五六七八1號",
    "second road": "路上約在信義路五段7號",
}
INNOCENT = {
    "nothing": "求換 LOVE DIVE 小卡",
    "date": "2024-05-31",
    "date with slashes": "2024/05/31",
    "date without signs": "20240531",
    "date and time": "2024-05-31 19:30",
    "range of dates": "2024-05-31 - 2024-06-02",
    "short date": "05-31",
    "year": "2024 年的卡",
    "years": "2022 2023 2024",
    "price": "NT$1,200",
    "small price": "150元",
    "prices": "100 150 200 250",
    "large price": "NT$ 12000",
    "sum": "100+50=150",
    "plus": "+1",
    "more": "3+1",
    "short plus": "+1234567",
    "too long plus": "+1234567890123456",
    "album code": "KTMCD1234",
    "album code with dashes": "L-100005712",
    "bar code": "8809704425221",
    "bar code with zeros": "0880970442522",
    "longer run with a mobile in it": "10912345678",
    "longer run that begins like a mobile": "09123456789012",
    "longer run that ends like one": "880912345678",
    "longer run that begins like a Korean one": "0101234567890",
    "payment card": "4111 1111 1111 1111",
    "payment card with zeros": "4000 0912 3456 7890",
    "payment card without spaces": "4000091234567890",
    "payment card with dashes": "5500-0000-0000-0004",
    "photocard number": "No. 01234",
    "photocards by number": "01 02 03 04 05 06",
    "photocards by longer number": "09 12 34 56 78",
    "photocards by longest number": "001 002 003 004",
    "too short mobile": "0912-345-67",
    "mobile without zero": "912345678",
    "mobile in other groups": "0912-34-56-78",
    "mobile over two lines": "0912\n345\n678",
    "score": "10-2",
    "card number without street": "5號卡",
    "line and number": "出口 3 號",
    "station": "台北車站 Z3 出口",
    "road without number": "約在忠孝東路",
    "street without number": "西門町的街上",
    "number before the road": "5號 中山路口",
    "number too far": "路上買到很多很多很多卡 5號",
    "eleven characters": "路一二三四五六七八九1號",
    "other counter": "信義路 5 段 7 樓",
    "road with words": "一路順風 看號碼",
    "ratio": "1:1 換",
    "size": "55x85 mm",
    "version": "ver. 1.0.2",
    "hashtag": "#LOVEDIVE2022",
    "link": "https://example.com/p/12345",
}


@pytest.mark.parametrize("text", TELLING.values(), ids=TELLING)
def test_phone_numbers_and_addresses_are_personal(text: str) -> None:
    assert tells_personal_data(text)
    assert tells_personal_data(f"求換小卡 {text} 謝謝")


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_what_collectors_write_is_not(text: str) -> None:
    assert not tells_personal_data(text)
    assert not tells_personal_data(f"求換小卡 {text} 謝謝")


def test_every_field_that_tells_something_is_named() -> None:
    with pytest.raises(PersonalDataTold) as refusal:
        refuse_personal_data({"title": "0912345678", "content": "忠孝東路四段100號", "idol": "0912345678"})
    assert isinstance(refusal.value, ValidationFailed)
    errors = refusal.value.details["errors"]
    assert isinstance(errors, list)
    assert [(error["field"], error["type"]) for error in errors] == [("title", "pii"), ("content", "pii")]


def test_texts_that_are_not_given_tell_nothing() -> None:
    refuse_personal_data({})
    refuse_personal_data({"title": "求換"})
