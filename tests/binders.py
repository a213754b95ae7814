"""Binders as tests fill and read them, through the services and in the tables."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, RowMapping, func, select, update
from werkzeug.test import TestResponse

from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.media import ImageType
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.runtime import Runtime
from kcardswap.services import cards as card_services
from kcardswap.services.cards import AnnouncedCard
from tests.pictures import encoded

PICTURE = encoded()
CARD_FIELDS = {
    "id",
    "owner_id",
    "photocard_id",
    "idol",
    "idol_group",
    "album",
    "version",
    "rarity",
    "condition",
    "note",
    "status",
    "image_url",
    "size_bytes",
    "upload_status",
    "acquired_trade_id",
    "created_at",
    "updated_at",
}


def announce(
    runtime: Runtime, owner_id: UUID, *, size: int = len(PICTURE), **description: Any
) -> AnnouncedCard:
    """Announce a card with a JPEG of ``size`` bytes."""
    return card_services.announce(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.quota_calendar,
        owner_id=owner_id,
        content_type=ImageType.JPEG,
        file_size_bytes=size,
        description=description,
        lifetime=timedelta(minutes=15),
    )


def confirm(runtime: Runtime, card_id: UUID, by: UUID) -> None:
    """Confirm the upload of a card."""
    card_services.confirm_upload(
        runtime.unit_of_work(),
        runtime.storage,
        runtime.images,
        runtime.quota_calendar,
        card_id=card_id,
        by=by,
    )


def edit(runtime: Runtime, card_id: UUID, by: UUID, **changes: Any) -> None:
    """Edit a card."""
    card_services.edit(runtime.unit_of_work(), card_id=card_id, by=by, changes=changes)


def delete(runtime: Runtime, card_id: UUID, by: UUID) -> None:
    """Delete a card."""
    card_services.delete(runtime.unit_of_work(), runtime.storage, card_id=card_id, by=by)


def row(connection: Connection, card_id: UUID) -> RowMapping:
    """Return the row of a card."""
    return connection.execute(select(cards).where(cards.c.id == card_id)).mappings().one()


def picture_of(connection: Connection, card_id: UUID) -> RowMapping:
    """Return the row of a card's picture."""
    media_id = row(connection, card_id)["media_asset_id"]
    return connection.execute(select(media_assets).where(media_assets.c.id == media_id)).mappings().one()


def set_status(connection: Connection, card_id: UUID, status: str) -> None:
    """Give a card a status as trades do."""
    connection.execute(update(cards).where(cards.c.id == card_id).values(status=status))


def month_usage(connection: Connection, owner_id: UUID) -> int:
    """Return the bytes counted towards the month."""
    used = connection.scalar(
        select(func.sum(quota_usage.c.used)).where(
            quota_usage.c.user_id == owner_id, quota_usage.c.limit_key == "media_bytes_per_month"
        )
    )
    return int(used or 0)


def refused_limit(refusal: pytest.ExceptionInfo[LimitExceeded]) -> tuple[object, object, object]:
    """Return key, limit and count of a refusal that has exactly the four details."""
    details = refusal.value.details
    assert set(details) == {"limit_key", "limit_value", "current_value", "reset_at"}
    return details["limit_key"], details["limit_value"], details["current_value"]


def data_of(answer: TestResponse, status: int = 200) -> Any:
    """Return the data of a success."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()["data"]
