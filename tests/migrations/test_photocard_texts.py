"""The migrations that give photocards narrow texts, forth and back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from tests.conftest import scratch_database
from tests.migrations.running import must

PHOTOCARDS = text(
    """
    INSERT INTO photocards (id, group_id, source, status, match_key, search_text, created_at, updated_at)
    SELECT lpad(n::text, 32, '0')::uuid, (SELECT id FROM catalog_groups WHERE slug = 'ive'), 'album',
           CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'verified' END, lpad(n::text, 64, '0'),
           ' ive ' || CASE n WHEN 1 THEN '아이브 ' ELSE '' END, now(), now()
    FROM generate_series(1, 6000) AS n;

    UPDATE photocards SET status = 'merged', merged_into_id = lpad('1', 32, '0')::uuid
    WHERE id = lpad('3', 32, '0')::uuid;
    """
)
TEXTS = text(
    """
    SELECT place, text, group_id IS NOT NULL, member_id IS NULL FROM photocard_texts
    ORDER BY photocard_id LIMIT 3
    """
)


@pytest.fixture
def before(server_url: str) -> Iterator[Engine]:
    """A database with photocards from before they had texts."""
    with scratch_database(server_url) as url:
        must("upgrade", "0033", url=url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(PHOTOCARDS)
        yield engine
        engine.dispose()


def test_photocards_that_stand_for_themselves_get_texts_and_keep_their_own(before: Engine) -> None:
    url = before.url.render_as_string(hide_password=False)
    must("upgrade", "0037", url=url)
    with before.connect() as connection:
        assert [tuple(row) for row in connection.execute(TEXTS)] == [
            (15, " ive 아이브 ", True, True),
            (1_000_005, " ive ", True, True),
            (1_000_005, " ive ", True, True),
        ]
        assert connection.scalar(text("SELECT count(*) FROM photocard_texts")) == 5999
    must("downgrade", "0033", url=url)
    with before.connect() as connection:
        assert (
            connection.scalar(text("SELECT count(*) FROM photocards WHERE search_text LIKE '%ive%'")) == 6000
        )
        index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_photocards_search_text'"
        assert connection.scalar(text(index)) == 1
