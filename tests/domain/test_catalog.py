"""What groups and members take over from a catalogue file."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.catalog import (
    SEARCH_TEXT_MAX_LENGTH,
    AliasLocale,
    CatalogGroup,
    GroupEntry,
    MemberEntry,
    search_text,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW_ID: Callable[[], UUID] = uuid4
ENTRY = GroupEntry(slug="newjeans", name="NewJeans", name_ko="뉴진스", aliases=["New Jeans", "NJZ", "njz!"])


@pytest.fixture
def group() -> CatalogGroup:
    return CatalogGroup.start(ENTRY, id=uuid4(), now=NOW)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("NewJeans", AliasLocale.EN),
        ("æspa", AliasLocale.EN),
        ("fromis_9", AliasLocale.EN),
        ("뉴진스", AliasLocale.KO),
        ("LE SSERAFIM 르세라핌", AliasLocale.KO),
        ("防彈少年團", AliasLocale.ZH),
        ("アイヴ", AliasLocale.OTHER),
        ("少女時代のファン", AliasLocale.OTHER),
        ("Кино", AliasLocale.OTHER),
    ],
)
def test_an_alias_is_in_the_writing_it_is_written_in(text: str, locale: AliasLocale) -> None:
    assert AliasLocale.of(text) is locale


def test_search_text_holds_each_normalised_name_once_whatever_their_order() -> None:
    names = ["New Jeans", "NewJeans", None, "뉴진스", "!!", "NJZ"]
    assert search_text(names) == search_text(reversed(names)) == " newjeans njz 뉴진스 "


def test_search_text_is_cut_at_what_its_column_holds() -> None:
    assert len(search_text(f"{number:0200}" for number in range(100))) == SEARCH_TEXT_MAX_LENGTH


def test_a_group_gets_its_names_as_aliases_and_equal_ones_once(group: CatalogGroup) -> None:
    assert group.describe(ENTRY, new_id=NEW_ID, now=NOW)
    assert [(alias.text, alias.norm, alias.locale) for alias in group.aliases] == [
        ("NewJeans", "newjeans", AliasLocale.EN),
        ("뉴진스", "뉴진스", AliasLocale.KO),
        ("NJZ", "njz", AliasLocale.EN),
    ]
    assert {alias.group_id for alias in group.aliases} == {group.id}
    assert {(alias.member_id, alias.release_id) for alias in group.aliases} == {(None, None)}
    assert group.search_text == " newjeans njz 뉴진스 "


def test_describing_a_group_again_changes_nothing(group: CatalogGroup) -> None:
    group.describe(ENTRY, new_id=NEW_ID, now=NOW)
    assert not group.describe(ENTRY, new_id=NEW_ID, now=NOW)
    assert len(group.aliases) == 3


def test_what_a_file_leaves_out_stays(group: CatalogGroup) -> None:
    rich = GroupEntry(slug="newjeans", name="NewJeans", name_ko="뉴진스", name_zh="新牛仔褲", emoji="🐰")
    group.describe(rich, new_id=NEW_ID, now=NOW)
    group.featured, group.sort_order = True, 1
    assert not group.describe(GroupEntry(slug="newjeans", name="NewJeans"), new_id=NEW_ID, now=NOW)
    assert (group.name_ko, group.name_zh, group.emoji) == ("뉴진스", "新牛仔褲", "🐰")
    assert (group.featured, group.sort_order, len(group.aliases)) == (True, 1, 3)


def test_a_new_name_is_taken_and_the_old_one_stays_an_alias(group: CatalogGroup) -> None:
    group.describe(ENTRY, new_id=NEW_ID, now=NOW)
    assert group.describe(GroupEntry(slug="newjeans", name="NWJNS"), new_id=NEW_ID, now=NOW)
    assert group.name == "NWJNS"
    assert group.search_text == " newjeans njz nwjns 뉴진스 "


def test_members_are_the_same_by_their_stage_name(group: CatalogGroup) -> None:
    haerin, added = group.member_named("Haerin", new_id=NEW_ID, now=NOW)
    assert added
    assert group.member_named("Haerin", new_id=NEW_ID, now=NOW) == (haerin, False)
    assert group.member_named("Hanni", new_id=NEW_ID, now=NOW)[1]
    assert [member.name for member in group.members] == ["Haerin", "Hanni"]


@pytest.mark.parametrize("name", ["HAERIN", "Kang-Haerin", "해린"], ids=["case", "alias", "korean"])
def test_a_member_is_found_by_any_spelling_and_keeps_the_stage_name(group: CatalogGroup, name: str) -> None:
    haerin, _ = group.member_named("Haerin", new_id=NEW_ID, now=NOW)
    haerin.describe(
        MemberEntry(name="Haerin", name_ko="해린", aliases=["Kang Haerin"]), new_id=NEW_ID, now=NOW
    )
    assert group.member_named(name, new_id=NEW_ID, now=NOW) == (haerin, False)
    assert not haerin.describe(MemberEntry(name=name), new_id=NEW_ID, now=NOW)
    assert [member.name for member in group.members] == ["Haerin"]


def test_a_name_of_two_members_or_a_generated_spelling_finds_nobody(group: CatalogGroup) -> None:
    for name in ("Minji", "Minzy"):
        member, _ = group.member_named(name, new_id=NEW_ID, now=NOW)
        member.describe(MemberEntry(name=name, name_ko="민지"), new_id=NEW_ID, now=NOW)
        member.spellings(NEW_ID, NOW).generate(lambda text: "Minjee")
    assert group.member_named("민지", new_id=NEW_ID, now=NOW)[1]
    assert group.member_named("ㅁㅈ", new_id=NEW_ID, now=NOW)[1]


def test_a_member_takes_over_names_and_aliases_once(group: CatalogGroup) -> None:
    member, _ = group.member_named("Haerin", new_id=NEW_ID, now=NOW)
    entry = MemberEntry(name="Haerin", name_ko="해린", name_zh="海麟", aliases=["Kang Haerin", "HAERIN"])
    assert member.describe(entry, new_id=NEW_ID, now=NOW)
    assert not member.describe(entry, new_id=NEW_ID, now=NOW)
    assert not member.describe(MemberEntry(name="Haerin"), new_id=NEW_ID, now=NOW)
    assert (member.name_ko, member.name_zh) == ("해린", "海麟")
    assert [alias.text for alias in member.aliases] == ["Haerin", "해린", "海麟", "Kang Haerin"]
    assert {(alias.group_id, alias.member_id) for alias in member.aliases} == {(None, member.id)}
