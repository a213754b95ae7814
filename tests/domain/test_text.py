"""How free text is compared."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcardswap.domain.text import NORM_MAX_LENGTH, initial_consonants, normalise


@pytest.mark.parametrize(
    ("text", "norm"),
    [
        ("NewJeans", "newjeans"),
        ("New Jeans", "newjeans"),
        ("  I-VE! ", "ive"),
        ("ＢＬＡＣＫＰＩＮＫ", "blackpink"),
        ("Straße", "strasse"),
        ("뉴 진스", "뉴진스"),
        ("防彈少年團", "防彈少年團"),
        ("2NE1", "2ne1"),
        ("①②", "12"),
        ("æspa", "æspa"),
    ],
)
def test_texts_that_mean_the_same_compare_equal(text: str, norm: str) -> None:
    assert normalise(text) == norm


@pytest.mark.parametrize("text", [None, "", "   ", "!?", "🐰💜", "-_-"])
def test_text_without_letters_and_digits_compares_like_no_text(text: str | None) -> None:
    assert normalise(text) is None


def test_decomposed_hangul_compares_like_composed_hangul() -> None:
    assert normalise(unicodedata.normalize("NFD", "해린")) == normalise("해린") == "해린"


def test_a_text_that_grows_is_cut_at_200_code_points() -> None:
    # One ligature becomes eighteen letters.
    assert normalise("ﷺ" * 100) is not None
    assert len(normalise("ﷺ" * 100) or "") == NORM_MAX_LENGTH == 200


names = st.text(alphabet="aZéßŒ 9①뉴진스アヴ防彈ＡＢﷺ-_'!🐰💜")
"""Texts like the names people type: several writings, digits, marks and emoji."""


@given(names)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(names)
def test_case_and_spaces_never_matter(text: str) -> None:
    assert normalise("  ".join(text.upper())) == normalise(text)


@given(st.text())
def test_what_is_left_is_letters_and_digits_only(text: str) -> None:
    assert all(character.isalnum() for character in normalise(text) or "")


@pytest.mark.parametrize(
    ("text", "consonants"),
    [
        ("아이브", "ㅇㅇㅂ"),
        ("스트레이 키즈", "ㅅㅌㄹㅇㅋㅈ"),
        ("까치", "ㄲㅊ"),
        ("힣가", "ㅎㄱ"),
        ("진", None),
        ("IVE", None),
        ("LE SSERAFIM 르세라핌", None),
        ("ㅇㅇㅂ", None),
        ("", None),
    ],
)
def test_hangul_names_have_a_short_form_of_initial_consonants(text: str, consonants: str | None) -> None:
    assert initial_consonants(text) == consonants


def test_typed_and_stored_consonants_compare_alike() -> None:
    # NFKC turns the letters of a keyboard into those that syllables are made of.
    assert normalise("ㅇㅇㅂ") == normalise(initial_consonants("아이브")) == "\u110b\u110b\u1107"
