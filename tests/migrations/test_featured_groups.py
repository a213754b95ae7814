"""The migration that brings the featured groups, forth and back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, make_url, select, text

from kcardswap.domain.catalog import AliasLocale, search_text
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.catalog import catalog_aliases, catalog_groups
from tests.conftest import scratch_database
from tests.migrations.running import must

ADD_MEMBER = text(
    """
    INSERT INTO catalog_members (id, group_id, name, created_at, updated_at)
    SELECT '0190b6a0-0000-7000-8000-000000000001', id, 'RM', now(), now()
    FROM catalog_groups WHERE slug = 'bts'
    """
)
ADD_GROUP = text(
    """
    INSERT INTO catalog_groups (id, slug, name, search_text, created_at, updated_at)
    VALUES ('0190b6a0-0000-7000-8000-000000000002', 'own', 'Own', 'own', now(), now())
    """
)


@pytest.fixture
def scratch(server_url: str, migrated_url: str) -> Iterator[Engine]:
    """A migrated database of its own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def migrate(engine: Engine, command: str, revision: str) -> None:
    must(command, revision, url=engine.url.render_as_string(hide_password=False))


def slugs(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(catalog_groups.c.slug).order_by(catalog_groups.c.slug)))


def test_the_seed_holds_what_the_product_would_compute(connection: Connection) -> None:
    groups = connection.execute(select(catalog_groups).where(catalog_groups.c.featured)).all()
    assert len(groups) == 12
    for group in groups:
        aliases = connection.execute(
            select(catalog_aliases).where(catalog_aliases.c.group_id == group.id)
        ).all()
        texts = [alias.text for alias in aliases]
        assert {group.name, group.name_ko, group.name_zh} - {None} <= set(texts)
        assert group.search_text == search_text(texts)
        assert [alias.norm for alias in aliases] == [normalise(each) for each in texts]
        assert [alias.locale for alias in aliases] == [AliasLocale.of(each) for each in texts]


def test_only_bts_has_a_chinese_name(connection: Connection) -> None:
    named = select(catalog_groups.c.slug, catalog_groups.c.name_zh).where(
        catalog_groups.c.name_zh.is_not(None)
    )
    assert connection.execute(named).all() == [("bts", "防彈少年團")]


def test_a_downgrade_removes_exactly_the_seeded_groups_and_an_upgrade_brings_them_back(
    scratch: Engine,
) -> None:
    seeded = slugs(scratch)
    with scratch.begin() as connection:
        connection.execute(ADD_GROUP)
    migrate(scratch, "downgrade", "0007")
    assert slugs(scratch) == ["own"]
    migrate(scratch, "upgrade", "0008")
    assert slugs(scratch) == sorted([*seeded, "own"])


def test_a_downgrade_leaves_a_group_that_has_members_and_its_return_completes_it(scratch: Engine) -> None:
    with scratch.begin() as connection:
        connection.execute(ADD_MEMBER)
    migrate(scratch, "downgrade", "0007")
    assert slugs(scratch) == ["bts"]
    migrate(scratch, "upgrade", "0008")
    with scratch.connect() as connection:
        assert len(slugs(scratch)) == 12
        assert connection.scalar(select(func.count()).select_from(catalog_aliases)) == 65
