"""Catalogue files: what is understood, and what is left out for which reason."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import (
    GroupEntry,
    MemberEntry,
    PhotocardEntry,
    PhotocardSource,
    ReleaseEntry,
    ReleaseKind,
)
from kcardswap.gateways.catalog_files import (
    CatalogFile,
    CatalogFileError,
    FileFormat,
    parse_catalog,
    read_catalog,
    shipped_catalog,
    slug_of,
)


def read(document: Any, format: FileFormat | None = None) -> CatalogFile:
    return parse_catalog("file.json", json.dumps(document), format)


def reasons(found: CatalogFile) -> dict[str, str]:
    return {skipped.position: skipped.reason for skipped in found.skipped}


def test_the_shipped_file_is_used_whole() -> None:
    found = shipped_catalog()
    assert (len(found.groups), found.skipped) == (187, [])


def test_the_own_format_says_everything_about_a_group() -> None:
    found = read(
        {
            "groups": [
                {
                    "slug": "ive",
                    "name": " IVE ",
                    "name_ko": "아이브",
                    "aliases": ["I V E", " "],
                    "members": [{"name": "Rei", "name_ko": "레이"}],
                    "releases": [{"title": "Eleven", "kind": "single", "released_on": "2021-12"}],
                    "photocards": [
                        {
                            "member": "Rei",
                            "release": "Eleven",
                            "version": "A",
                            "source": "pob",
                            "rarity": "rare",
                        }
                    ],
                }
            ]
        }
    )
    assert found.groups == [
        GroupEntry(
            slug="ive",
            name="IVE",
            name_ko="아이브",
            aliases=("I V E",),
            members=[MemberEntry(name="Rei", name_ko="레이")],
            releases=[ReleaseEntry(title="Eleven", kind=ReleaseKind.SINGLE, released_on=date(2021, 12, 1))],
            photocards=[
                PhotocardEntry(
                    member="Rei",
                    release="Eleven",
                    version="A",
                    source=PhotocardSource.POB,
                    rarity=Rarity.RARE,
                    position="groups[0].photocards[0]",
                )
            ],
            position="groups[0]",
        )
    ]
    assert found.skipped == []


@pytest.mark.parametrize(
    ("group", "position", "reason"),
    [
        ("IVE", "groups[0]", "not an object"),
        ({}, "groups[0]", "no name"),
        ({"name": "!?"}, "groups[0]", "name has neither letters nor digits"),
        ({"name": 7}, "groups[0]", "name is no text"),
        ({"name": "x" * 121}, "groups[0]", "name is longer than 120 characters"),
        ({"name": "a\x00"}, "groups[0]", "name holds a character that cannot be stored"),
        ({"name": "A", "slug": "A b"}, "groups[0]", "slug may hold a-z, 0-9 and single hyphens"),
        ({"name": "A", "aliases": "B"}, "groups[0]", "aliases is no list"),
        ({"name": "A", "members": [{}]}, "groups[0].members[0]", "no name"),
        ({"name": "A", "members": [{"name": "B"}, {"name": "B"}]}, "groups[0].members[1]", "listed before"),
        (
            {"name": "A", "releases": [{"title": "B", "released_on": "2021-02-30"}]},
            "groups[0].releases[0]",
            "released_on is no date: 2021-02-30",
        ),
        (
            {"name": "A", "releases": [{"title": "B", "kind": "tape"}]},
            "groups[0].releases[0]",
            "kind is none of album, mini, single, ost, season, fanclub, other: tape",
        ),
        (
            {"name": "A", "photocards": [{"rarity": "none"}]},
            "groups[0].photocards[0]",
            "rarity is none of common, rare, epic, legendary: none",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "[" in value else None,
)
def test_what_cannot_be_used_is_left_out_with_its_place_and_reason(
    group: Any, position: str, reason: str
) -> None:
    assert reasons(read({"groups": [group]})) == {position: reason}


def test_a_group_listed_twice_is_taken_once() -> None:
    found = read({"groups": [{"slug": "a", "name": "A"}, {"slug": "a", "name": "B"}]})
    assert [group.name for group in found.groups] == ["A"]
    assert reasons(found) == {"groups[1]": "listed before"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"groups": [', "file.json: not valid JSON: Expecting value: line 1 column 13 (char 12)"),
        ('{"groups": {}}', "file.json: groups: a list was expected."),
        ('{"groups": [{"name": "A", "members": 1}]}', "file.json: groups[0].members: a list was expected."),
        ("[]", "file.json: not a catalogue of the native, MusicBrainz or Wikidata format."),
        ('{"entities": []}', "file.json: entities: an object of objects was expected."),
        ('{"artists": {}}', "file.json: artists: a list was expected."),
    ],
    ids=["cut", "no list", "no members", "no object", "no entities", "no artists"],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(content: str, message: str) -> None:
    with pytest.raises(CatalogFileError) as error:
        parse_catalog("file.json", content)
    assert str(error.value) == message


def test_a_file_of_another_format_than_said_is_refused() -> None:
    with pytest.raises(CatalogFileError, match="not a catalogue of the wikidata format"):
        read({"groups": []}, FileFormat.WIKIDATA)


def test_files_that_are_missing_or_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    for name, cause in (("missing", "No such file or directory"), ("picture", "not UTF-8")):
        with pytest.raises(CatalogFileError, match=cause):
            read_catalog(tmp_path / name)


ARTIST = {
    "id": "b1",
    "type": "Group",
    "name": "IVE",
    "sort-name": "IVE",
    "aliases": [
        {"name": "아이브", "locale": "ko", "primary": True},
        {"name": "アイヴ", "locale": "ja"},
        {"name": "愛芙", "locale": "zh_TW"},
    ],
    "relations": [
        {
            "type": "member of band",
            "direction": "backward",
            "artist": {"name": "장원영", "sort-name": "Jang, Won-young", "aliases": [{"name": "Wonyoung"}]},
        },
        {"type": "member of band", "direction": "backward", "artist": {"name": "REI", "sort-name": "REI"}},
        {"type": "member of band", "direction": "backward", "artist": {"name": "REI", "sort-name": "REI"}},
        {"type": "member of band", "direction": "forward", "artist": {"name": "A bigger band"}},
        {"type": "official homepage"},
    ],
    "release-groups": [
        {"title": "LOVE DIVE", "primary-type": "Single", "first-release-date": "2022-04-05"},
        {"title": "I've MINE", "primary-type": "EP", "secondary-types": [], "first-release-date": "2023"},
        {"title": "On stage", "primary-type": "Album", "secondary-types": ["Live"]},
        {"title": "A film", "primary-type": "Album", "secondary-types": ["Soundtrack"]},
        {"title": "Talk", "primary-type": "Broadcast", "first-release-date": ""},
    ],
}


def test_a_lookup_of_musicbrainz_gives_names_members_and_releases() -> None:
    found = read(ARTIST)
    (group,) = found.groups
    assert (group.slug, group.name, group.name_ko, group.name_zh) == (None, "IVE", "아이브", "愛芙")
    assert group.aliases == ("아이브", "アイヴ", "愛芙")
    assert [(member.name, member.name_ko) for member in group.members] == [
        ("장원영", "장원영"),
        ("REI", None),
    ]
    assert [(r.title, str(r.kind), r.released_on) for r in group.releases] == [
        ("LOVE DIVE", "single", date(2022, 4, 5)),
        ("I've MINE", "mini", date(2023, 1, 1)),
        ("A film", "ost", None),
        ("Talk", "other", None),
    ]
    assert reasons(found) == {"artist.release-groups[2]": "a release of the kind Live"}


def test_an_alias_of_musicbrainz_too_long_for_a_name_stays_an_alias() -> None:
    aliases = [
        {"name": "가" * 121, "locale": "ko", "primary": True},
        {"name": "愛" * 121, "locale": "zh"},
        {"name": "아이브", "locale": "ko"},
    ]
    (group,) = read({"artists": [{"name": "IVE", "type": "Group", "aliases": aliases}]}).groups
    assert (group.name_ko, group.name_zh) == ("아이브", None)
    assert group.aliases == ("가" * 121, "愛" * 121, "아이브")


def test_a_search_of_musicbrainz_gives_groups_and_leaves_out_people() -> None:
    found = read({"count": 2, "artists": [ARTIST, {"type": "Person", "name": "IU", "sort-name": "IU"}]})
    assert [group.name for group in found.groups] == ["IVE"]
    assert reasons(found)["artists[1]"] == "not a group but a person"


def test_release_groups_of_musicbrainz_belong_to_the_artist_they_credit() -> None:
    one, other = {"artist": {"name": "IVE", "sort-name": "IVE"}}, {"artist": {"name": "XG"}}
    found = read(
        {
            "release-groups": [
                {"title": "Eleven", "primary-type": "Single", "artist-credit": [one]},
                {"title": "After Like", "primary-type": "Single", "artist-credit": [one]},
                {"title": "Together", "primary-type": "Single", "artist-credit": [one, other]},
            ]
        }
    )
    assert [(g.name, [r.title for r in g.releases]) for g in found.groups] == [
        ("IVE", ["Eleven", "After Like"])
    ]
    assert reasons(found) == {"release-groups[2]": "not the release of one artist"}


def entity(en: str | None, ko: str | None = None, zh: str | None = None, **more: Any) -> dict[str, Any]:
    labels = {"en": en, "ko": ko, "zh-hant": zh, "de": "Anders"}
    return {"labels": {lang: {"value": text} for lang, text in labels.items() if text}, **more}


def claim(*ids: str) -> list[dict[str, Any]]:
    return [{"mainsnak": {"datavalue": {"value": {"id": id}}}} for id in ids]


def test_entities_of_wikidata_are_groups_with_the_parts_the_file_describes() -> None:
    group = entity(
        "IVE",
        "아이브",
        "愛芙",
        aliases={"en": [{"value": "Ive"}, {"value": "IVE band"}]},
        claims={"P527": claim("Q2", "Q9")},
    )
    found = read(
        {
            "entities": {
                "Q1": group,
                "Q2": entity("Rei", "레이"),
                "Q3": entity("IU", claims={"P31": claim("Q5")}),
                "Q4": {},
            }
        }
    )
    (ive,) = found.groups
    assert (ive.name, ive.name_ko, ive.name_zh) == ("IVE", "아이브", "愛芙")
    assert ive.aliases == ("Ive", "IVE band")
    assert ive.members == [MemberEntry(name="Rei", name_ko="레이")]
    assert reasons(found) == {
        "entities.Q1": "a member the file does not describe",
        "entities.Q3": "not a group but a person",
        "entities.Q4": "no label in English, Korean or Chinese",
    }


def literal(text: str, language: str) -> dict[str, str]:
    return {"type": "literal", "xml:lang": language, "value": text}


def test_rows_of_a_wikidata_query_are_put_together() -> None:
    ive, rei = {"type": "uri", "value": "http://q/1"}, {"type": "uri", "value": "http://q/2"}
    rows = [
        {"group": ive, "groupLabel": literal("IVE", "en"), "groupAltLabel": literal("Ive|IVE band", "en")},
        {
            "group": ive,
            "groupLabel": literal("아이브", "ko"),
            "member": rei,
            "memberLabel": literal("Rei", "en"),
        },
        {"group": ive, "member": rei, "memberLabel": literal("레이", "ko")},
        {"groupLabel": literal("nobody", "en")},
    ]
    found = read({"head": {"vars": ["group"]}, "results": {"bindings": rows}})
    (group,) = found.groups
    assert (group.name, group.name_ko, group.aliases) == ("IVE", "아이브", ("Ive", "IVE band"))
    assert group.members == [MemberEntry(name="Rei", name_ko="레이")]
    assert reasons(found) == {"results.bindings[3]": "no group"}


def test_the_id_that_stands_for_a_missing_wikidata_label_is_no_name() -> None:
    group, member = {"type": "uri", "value": "http://q/Q1"}, {"type": "uri", "value": "http://q/Q98765"}
    bare = {"type": "literal", "value": "Q98765"}
    rows = [
        {"group": group, "groupLabel": literal("Q7", "en"), "member": member, "memberLabel": bare},
        {"group": member, "groupLabel": bare},
    ]
    found = read({"results": {"bindings": rows}})
    assert [(each.name, each.members) for each in found.groups] == [("Q7", [])]
    missing = "no label in English, Korean or Chinese"
    assert reasons(found) == {"results.bindings[0]": missing, "results.bindings[1]": missing}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("LE SSERAFIM", "le-sserafim"),
        ("(G)I-DLE", "gi-dle"),
        ("f(x)", "fx"),
        ("아이브", "aibeu"),
        ("Café 1+1", "cafe-11"),
        ("!!", None),
    ],
)
def test_a_group_without_a_slug_gets_one_from_its_name(name: str, slug: str | None) -> None:
    assert slug_of(name) == slug
