"""CSV: no cell is a formula, and nothing is lost on the way out and in."""

import csv
import io
import time
from typing import Any

import hypothesis
import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from kcardswap.api.csv_files import LINES_MAX, csv_answer, defused, read_csv, restored
from kcardswap.domain.errors import ValidationFailed

COLUMNS = ("idol", "idol_group", "note", "rarity")
DANGEROUS = "=+-@\t\r\n'\" \u3000\xa0\ufeff\u200b\uff1d\uff0b\uff0d\uff20"

# What can be stored: no NUL, no halves of surrogate pairs, trimmed and not blank.
texts = (
    st.one_of(
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40),
        st.text(st.sampled_from(DANGEROUS + ",;a1"), max_size=12),
    )
    .map(str.strip)
    .filter(bool)
)


def starts_a_formula(cell: str) -> bool:
    """Tell whether a spreadsheet program could run this cell, whatever it skips before it looks."""
    bare = cell.lstrip(' \xa0\u3000\ufeff\u200b"')
    return bare[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n")


def shows_a_formula(cell: str) -> bool:
    """Tell whether the first thing to see in this cell begins a formula."""
    return starts_a_formula(cell.lstrip(' \xa0\u3000\ufeff\u200b"\t\r\n'))


def read_with(delimiter: str, data: bytes) -> list[str]:
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return [cell for row in csv.reader(text, delimiter=delimiter) for cell in row]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        " =1",
        "\u3000=1",
        '"=1',
        "'=1",
        "''=1",
        '" =1',
        "\ufeff=1",
        "\uff1d1",
        "=cmd|' /C calc'!A0",
    ],
)
def test_what_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert restored(defused(text)) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=1+cmd|' /C calc'!A0;", "x;'=1+cmd|' /C calc'!A0;"),
        ("x,+1", "x,'+1"),
        ("x\t=1", "x\t'=1"),
        ("x; \"'@A", "x;' \"'@A"),
        ("one\n-two\r\n\r\n=three", "one\n'-two\r\n\r\n'=three"),
        ("=1;=2", "'=1;'=2"),
        ("\t=1", "'\t'=1"),
        ("x;'=1", "x;''=1"),
    ],
)
def test_text_is_no_formula_either_where_another_program_splits_it(text: str, cell: str) -> None:
    assert defused(text) == cell
    assert restored(cell) == text


@pytest.mark.parametrize(
    "text",
    [
        *("Haerin", "'quoted'", "a=b", "1-2", "mina@kcardswap.test", "'", '"', "혜린"),
        *("one\r\n\r\ntwo", "one\n\n\ttwo", "a, b; c", "a,'b'", "a\t"),
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == restored(text) == text


@given(text=st.one_of(st.text(), st.text(st.sampled_from(DANGEROUS + ",;a"), max_size=8)))
def test_every_text_comes_back_from_its_cell_and_no_cell_is_a_formula(text: str) -> None:
    assert restored(defused(text)) == text
    assert not starts_a_formula(defused(text))


@pytest.mark.parametrize("unit", ["\n", "\n'", ",'", "' ", ";' "])
def test_the_longest_cell_is_restored_in_no_time(unit: str) -> None:
    cell = "a" + unit * (csv.field_size_limit() // len(unit) - 1) + "b"
    begun = time.perf_counter()
    assert restored(cell) == cell
    assert time.perf_counter() - begun < 1


@hypothesis.settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries({name: st.none() | texts for name in COLUMNS}), max_size=5))
def test_writing_and_reading_loses_nothing(app: Flask, rows: list[dict[str, str | None]]) -> None:
    class Row:
        def __init__(self, values: dict[str, str | None]) -> None:
            self.__dict__.update(values)

    def fill(each: object) -> None:
        for values in rows:
            each(Row(values))  # type: ignore[operator]

    with app.test_request_context():
        answer = csv_answer("rows", COLUMNS, fill)
        data = answer.get_data()
        answer.close()
    assert not any(map(starts_a_formula, read_with(",", data)))
    for delimiter in ",;\t":
        assert not any(map(shows_a_formula, read_with(delimiter, data)))
    told = [{name: text for name, text in values.items() if text is not None} for values in rows]
    lines = read_csv(data, COLUMNS).lines
    assert [dict(line.cells) for line in lines] == [values for values in told if values]
    assert not any(line.is_too_long for line in lines)


@given(
    data=st.one_of(
        st.binary(), st.text().map(str.encode), st.text(st.sampled_from("idol,;\t\"\r\n' ")).map(str.encode)
    )
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        read_csv(data, COLUMNS)
    except ValidationFailed as refused:
        errors: Any = refused.details["errors"]
        assert [set(error) for error in errors] == [{"field", "message", "type"}]


@pytest.mark.parametrize(
    "header", ["Idol Group,IDOL", "idol_group;idol", "IdolGroup\tidol", " idol-group , Idol "]
)
def test_a_column_is_known_by_its_letters(header: str) -> None:
    delimiter = next(mark for mark in ",;\t" if mark in header)
    table = read_csv(f"{header}\nIVE{delimiter}Rei\n".encode(), COLUMNS)
    assert dict(table.lines[0].cells) == {"idol_group": "IVE", "idol": "Rei"}


def test_unknown_columns_are_told_as_written_and_their_cells_are_left_out() -> None:
    table = read_csv(f"idol, Shop ,,{'x' * 200}\nRei,Ktown,y,z\n".encode(), COLUMNS)
    assert table.unknown_columns == ["Shop", "x" * 100]
    assert dict(table.lines[0].cells) == {"idol": "Rei"}


def test_lines_are_counted_as_spreadsheet_programs_show_them() -> None:
    table = read_csv(b'idol,note\r\na,"1\r\n2\r\n3"\r\n\r\n , \r\nb\r\n', COLUMNS)
    assert [(line.number, dict(line.cells)) for line in table.lines] == [
        (2, {"idol": "a", "note": "1\r\n2\r\n3"}),
        (5, {"idol": "b"}),
    ]


def test_a_line_with_more_than_the_header_is_noticed_unless_the_rest_is_blank() -> None:
    table = read_csv(b"idol\na,b\nc,, \n", COLUMNS)
    assert [line.is_too_long for line in table.lines] == [True, False]


def test_the_longest_file_is_read_and_a_longer_one_refused() -> None:
    assert len(read_csv(b"idol\n" + b"a\n" * LINES_MAX, COLUMNS).lines) == LINES_MAX
    with pytest.raises(ValidationFailed):
        read_csv(b"idol\n" + b"a\n" * (LINES_MAX + 1), COLUMNS)
