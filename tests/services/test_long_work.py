"""Work that may take longer than everyday statements is waited for."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from kcardswap.domain.catalog import GroupEntry
from kcardswap.runtime import Runtime
from kcardswap.services.catalog import import_catalog
from tests.people import sign_in
from tests.photocards import merge, submit
from tests.wishes import wish

LONGER_THAN_EVERYDAY_SECONDS = 7
"""Everyday statements are given up after 6 seconds, at the latest half a second later."""

SLOW_WISHES = f"""
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({LONGER_THAN_EVERYDAY_SECONDS}); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE UPDATE ON wishlist_items FOR EACH ROW EXECUTE FUNCTION slow()
"""


def test_a_photocard_whose_wishes_take_long_to_move_is_merged(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = sign_in(runtime, "mina").user_id
    twin = submit(runtime, mina, idol_group="IVE", version="A").photocard_id
    kept = submit(runtime, mina, idol_group="IVE", version="B").photocard_id
    wish(runtime, mina, photocard_id=twin)
    with runtime.database.transaction() as connection:
        connection.execute(text(SLOW_WISHES))
    began = time.monotonic()
    merge(runtime, twin, kept, by=mina)
    assert time.monotonic() - began > LONGER_THAN_EVERYDAY_SECONDS
    with runtime.database.reader() as connection:
        assert connection.scalar(text("SELECT photocard_id FROM wishlist_items")) == kept


def test_a_second_import_waits_for_the_first_however_long_it_takes(committed_runtime: Runtime) -> None:
    locked = threading.Event()
    ive = [GroupEntry(slug="ive", name="IVE")]

    def first() -> None:
        def take_long(done: int, total: int) -> None:
            locked.set()
            time.sleep(LONGER_THAN_EVERYDAY_SECONDS)

        import_catalog(committed_runtime.unit_of_work(), groups=ive, on_progress=take_long)

    def second() -> float:
        locked.wait()
        began = time.monotonic()
        import_catalog(committed_runtime.unit_of_work(), groups=ive)
        return time.monotonic() - began

    with ThreadPoolExecutor(2) as threads:
        importing, waiting = threads.submit(first), threads.submit(second)
        importing.result()
        assert waiting.result() > LONGER_THAN_EVERYDAY_SECONDS - 1
