"""Making and editing profiles, also by several calls at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Connection, delete, func, select

from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.profiles import ProfileChanges, SwapMode
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.runtime import Runtime
from kcardswap.services import profiles as service
from tests.people import make_user


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime)


def test_starting_a_profile_that_is_there_changes_nothing(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    before = connection.execute(select(profiles)).all()
    service.start(runtime.unit_of_work(), user_id=mina)
    assert connection.execute(select(profiles)).all() == before


def test_every_field_of_an_edit_is_stored(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    changes: ProfileChanges = {
        "nickname": "Mi Na",
        "avatar_url": "https://img.example.com/mina.png",
        "bio": "Collecting Haerin.",
        "region": "Taipei",
        "swap_modes": [SwapMode.MAIL],
        "preferences": {"favorite_idol_groups": ["newjeans"]},
        "privacy_flags": {"nearby_visible": False, "allow_stranger_chat": False},
    }
    service.edit(runtime.unit_of_work(), user_id=mina, changes=changes)
    stored = connection.execute(select(profiles).where(profiles.c.user_id == mina)).one()
    assert (stored.nickname, stored.nickname_norm) == ("Mi Na", "mina")
    assert (stored.avatar_url, stored.bio) == ("https://img.example.com/mina.png", "Collecting Haerin.")
    assert (stored.region, stored.preferences) == ("Taipei", {"favorite_idol_groups": ["newjeans"]})
    assert (stored.swaps_in_person, stored.swaps_by_mail) == (False, True)
    assert (stored.nearby_visible, stored.show_online) == (False, True)
    assert (stored.allow_stranger_chat, stored.show_wishlist) == (False, True)


def test_a_refused_edit_stores_nothing_and_tells_nobody(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    with pytest.raises(ValidationFailed):
        service.edit(
            runtime.unit_of_work(), user_id=mina, changes={"bio": "lost", "privacy_flags": {"unknown": True}}
        )
    assert connection.scalar(select(profiles.c.bio).where(profiles.c.user_id == mina)) is None
    assert "ProfileUpdated" not in connection.scalars(select(outbox.c.event_type)).all()


def test_an_edit_touches_nobody_else(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    sana = make_user(runtime, "sana")
    service.edit(runtime.unit_of_work(), user_id=mina, changes={"bio": "mine"})
    assert connection.scalar(select(profiles.c.bio).where(profiles.c.user_id == sana)) is None


def test_parallel_edits_of_a_missing_profile_make_one_and_lose_no_change(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = make_user(runtime)
    with runtime.database.transaction() as connection:
        connection.execute(delete(profiles))
    barrier = Barrier(8)

    def edit(number: int) -> None:
        barrier.wait()
        service.edit(runtime.unit_of_work(), user_id=mina, changes={"preferences": {f"key_{number}": number}})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(edit, range(8)))
    with runtime.database.reader() as connection:
        stored = connection.scalars(select(profiles.c.preferences)).all()
    assert stored == [{f"key_{number}": number for number in range(8)}]


def test_parallel_first_reads_make_one_profile(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = make_user(runtime)
    with runtime.database.transaction() as connection:
        connection.execute(delete(profiles))
    barrier = Barrier(8)

    def start(_: int) -> None:
        barrier.wait()
        service.start(runtime.unit_of_work(), user_id=mina)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, range(8)))
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(profiles)) == 1
