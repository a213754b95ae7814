"""The migration that tells the seats of swaps when these were completed, forth and back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from tests.conftest import scratch_database
from tests.migrations.running import must

SWAPS = text(
    """
    INSERT INTO users (id, role, status, created_at, updated_at)
    SELECT gen_random_uuid(), 'user', 'active', now(), now() FROM generate_series(1, 2);

    INSERT INTO trades (id, status, meeting, participant_count, accepted_at, completed_at, deadline_at,
                        version, created_at, updated_at)
    SELECT gen_random_uuid(), CASE WHEN done THEN 'completed' ELSE 'accepted' END, 'mail', 2, now(),
           CASE WHEN done THEN timestamptz '2026-03-12 12:00:00Z' END,
           CASE WHEN done THEN NULL ELSE timestamptz '2027-03-12 12:00:00Z' END, 1, now(), now()
    FROM unnest(ARRAY[true, false]) AS done;

    INSERT INTO trade_participants (id, trade_id, user_id, position, role, accepted_at, proposed_at)
    SELECT gen_random_uuid(), trades.id, person.id, person.n - 1,
           CASE person.n WHEN 1 THEN 'initiator' ELSE 'responder' END, now(), now()
    FROM trades, (SELECT id, row_number() OVER () AS n FROM users) AS person;
    """
)
SEATS = text(
    """
    SELECT trades.status, trade_participants.completed_at = trades.completed_at
    FROM trade_participants JOIN trades ON trades.id = trade_id ORDER BY 1
    """
)


@pytest.fixture
def before(server_url: str) -> Iterator[Engine]:
    """A database with a completed and an accepted swap from before the seats knew."""
    with scratch_database(server_url) as url:
        must("upgrade", "0030", url=url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(SWAPS)
        yield engine
        engine.dispose()


def test_seats_of_completed_swaps_are_filled_in_and_others_left_alone(before: Engine) -> None:
    must("upgrade", "0031", url=before.url.render_as_string(hide_password=False))
    with before.connect() as connection:
        rows = [tuple(row) for row in connection.execute(SEATS)]
    assert rows == [("accepted", None), ("accepted", None), ("completed", True), ("completed", True)]
    must("downgrade", "0030", url=before.url.render_as_string(hide_password=False))
    with before.connect() as connection:
        assert connection.scalar(text("SELECT count(completed_at) FROM trade_participants")) == 0
