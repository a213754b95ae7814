"""flask catalog import."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, func, select

from kcardswap.commands.catalog import SHOWN_SKIPS, progress_of
from kcardswap.persistence.orm.catalog import catalog_groups, catalog_members, catalog_releases, photocards
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.photocards import photocards_found
from kcardswap.runtime import Runtime
from tests.people import sign_in
from tests.photocards import group_named, row, submit

GROUP = {
    "slug": "ive",
    "name": "IVE",
    "members": [{"name": "Rei", "name_ko": "레이"}],
    "releases": [{"title": "Eleven", "kind": "single", "released_on": "2021-12-01"}],
    "photocards": [
        {"member": "레이", "release": "eleven", "version": "A"},
        {"member": "Nobody", "version": "B"},
    ],
}


@pytest.fixture
def run(app: Flask) -> Any:
    def invoke(*arguments: object) -> Result:
        return app.test_cli_runner().invoke(args=["catalog", "import", *map(str, arguments)])

    return invoke


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def number_of(connection: Connection, table: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def test_without_a_file_the_shipped_catalogue_is_imported_once(run: Any, connection: Connection) -> None:
    first = run()
    assert first.exit_code == 0, first.output
    assert "groups 175 added 0 updated, members 1024 added 0 updated" in first.output
    assert number_of(connection, catalog_groups) == 187
    again = run().output
    assert "groups 0 added 0 updated, members 0 added 0 updated, releases 0 added" in again
    assert "1211 entries unchanged, 0 skipped." in again


def test_a_file_brings_everything_it_can_and_says_what_not(
    run: Any, connection: Connection, tmp_path: Path
) -> None:
    file = written(tmp_path / "ive.json", {"groups": [GROUP, {"name": ""}]})
    skipped = tmp_path / "skipped.csv"
    done = run(file, "--skipped", skipped)
    assert done.exit_code == 0, done.output
    assert (
        "members 1 added 0 updated, releases 1 added 0 updated, photocards 1 added 0 updated" in done.output
    )
    assert [line for line in done.output.splitlines() if "skipped" in line] == [
        f"{file}: 1 entries unchanged, 2 skipped.",
        "  skipped groups[1] '': no name",
        "  skipped groups[0].photocards[1] 'B': no member called Nobody",
    ]
    with skipped.open(newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["file", "position", "name", "reason"],
            [str(file), "groups[1]", "", "no name"],
            [str(file), "groups[0].photocards[1]", "B", "no member called Nobody"],
        ]
    (card,) = connection.execute(select(photocards)).all()
    assert (card.status, card.version) == ("verified", "A")
    assert {" ", *card.search_text.split()} >= {"ive", "아이브", "rei", "레이", "eleven", "a"}
    assert "4 entries unchanged" in run(file).output


def test_a_dry_run_says_the_same_and_changes_nothing(
    run: Any, connection: Connection, tmp_path: Path
) -> None:
    file = written(tmp_path / "ive.json", {"groups": [GROUP]})
    tried = run(file, "--dry-run").output
    assert "(dry run, nothing was changed)" in tried
    assert [number_of(connection, table) for table in (catalog_members, catalog_releases, photocards)] == [
        0,
        0,
        0,
    ]
    assert tried.replace(" (dry run, nothing was changed)", "") == run(file).output


def test_new_names_reach_the_photocards_that_are_there_already(
    run: Any, runtime: Runtime, connection: Connection, tmp_path: Path
) -> None:
    made = submit(runtime, sign_in(runtime, "mina").user_id, idol_group="IVE").photocard_id
    group = {"slug": "ive", "name": "IVE", "aliases": ["Eye Vee"]}
    run(written(tmp_path / "names.json", {"groups": [group]}))
    assert " eyevee " in row(connection, made)["search_text"]
    found = photocards_found(connection, filters={}, q="eyevee", page=PageRequest(5))
    assert [photocard.id for photocard in found.rows] == [made]


def test_a_pending_photocard_of_the_list_is_verified(
    run: Any, runtime: Runtime, connection: Connection, tmp_path: Path
) -> None:
    mina = sign_in(runtime, "mina").user_id
    made = submit(runtime, mina, idol_group="IVE", version="A").photocard_id
    listed = {"slug": "ive", "name": "IVE", "photocards": [{"version": "a", "rarity": "epic"}]}
    assert "photocards 0 added 1 updated" in run(written(tmp_path / "a.json", {"groups": [listed]})).output
    assert (row(connection, made)["status"], row(connection, made)["rarity"]) == ("verified", "epic")


def test_a_group_without_a_slug_is_known_by_any_of_its_names(
    run: Any, connection: Connection, tmp_path: Path
) -> None:
    artist = {
        "name": "TOMORROW X TOGETHER",
        "sort-name": "TXT",
        "type": "Group",
        "relations": [{"type": "member of band", "direction": "backward", "artist": {"name": "Yeonjun"}}],
    }
    assert "groups 0 added 0 updated, members 1 added" in run(written(tmp_path / "mb.json", artist)).output
    group = connection.execute(select(catalog_groups).where(catalog_groups.c.slug == "txt")).one()
    assert group.name == "TXT"
    both = {"name": "IVE", "name_ko": "방탄소년단"}
    output = run(written(tmp_path / "both.json", {"groups": [both, {"name": "New one"}]})).output
    assert "skipped groups[0] 'IVE': names of several groups: bts, ive" in output
    assert group_named(connection, "new-one")


def test_one_file_that_cannot_be_read_stops_all(run: Any, connection: Connection, tmp_path: Path) -> None:
    good = written(tmp_path / "good.json", {"groups": [GROUP]})
    bad = tmp_path / "bad.json"
    bad.write_text('{"groups": [')
    done = run(good, bad)
    assert done.exit_code == 1
    assert done.output == f"Error: {bad}: not valid JSON: Expecting value: line 1 column 13 (char 12)\n"
    assert number_of(connection, catalog_members) == 0
    assert run(good, "--format", "wikidata").exit_code == 1


def test_many_skipped_entries_are_cut_short_on_the_screen(run: Any, tmp_path: Path) -> None:
    file = written(tmp_path / "bad.json", {"groups": [{}] * (SHOWN_SKIPS + 5)})
    lines = run(file).output.splitlines()
    assert lines[-1] == "  and 5 more; --skipped FILE lists them all."
    assert len(lines) == SHOWN_SKIPS + 3


def test_a_list_that_cannot_be_written_is_an_error(run: Any, tmp_path: Path) -> None:
    done = run("--dry-run", "--skipped", tmp_path / "no" / "such.csv")
    assert (done.exit_code, "No such file" in done.output) == (1, True)


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        with progress_of(2, "file") as on_progress:
            on_progress(1, 2)
            on_progress(2, 2)
