"""The life of a picture: announced, confirmed, attached, deleted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.errors import NotOwner
from kcardswap.domain.media import (
    CardImageType,
    CheckedImage,
    ImageType,
    MediaAlreadyAttached,
    MediaAsset,
    MediaConfirmed,
    MediaDeleted,
    MediaNotConfirmed,
    MediaStatus,
    MediaTarget,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OWNER = uuid4()


def announced(content_type: ImageType = ImageType.JPEG, card_id: UUID | None = None) -> MediaAsset:
    return MediaAsset.announce(
        id=uuid4(),
        owner_id=OWNER,
        content_type=content_type,
        declared_bytes=900,
        lifetime=timedelta(minutes=15),
        now=NOW,
        card_id=card_id,
    )


def confirmed(content_type: ImageType = ImageType.JPEG) -> MediaAsset:
    media = announced(content_type)
    image = CheckedImage(data=b"", content_type=content_type.stored_as, width=3, height=4, phash=-5)
    media.confirm(image, uploaded_bytes=800, now=LATER)
    media.collect_events()
    return media


def attached() -> MediaAsset:
    media = confirmed()
    media.attach(MediaTarget.CARD, uuid4())
    return media


def test_an_upload_runs_out_only_while_the_picture_is_missing() -> None:
    media = announced()
    assert not media.upload_ran_out(NOW + timedelta(minutes=15) - timedelta(microseconds=1))
    assert media.upload_ran_out(NOW + timedelta(minutes=15))
    assert not confirmed().upload_ran_out(NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        (ImageType.JPEG, "jpg"),
        (ImageType.PNG, "png"),
        (ImageType.WEBP, "webp"),
        (ImageType.GIF, "gif"),
        (ImageType.HEIC, "jpg"),
        (ImageType.HEIF, "jpg"),
    ],
)
def test_the_key_names_owner_picture_and_the_type_it_will_be_kept_in(
    content_type: ImageType, extension: str
) -> None:
    media = announced(content_type)
    assert media.object_key == f"media/{OWNER}/{media.id}.{extension}"
    assert media.content_type == content_type.value
    assert media.upload_expires_at == NOW + timedelta(minutes=15)
    assert not media.is_of_a_card


def test_a_picture_announced_with_a_card_is_kept_under_the_cards_name() -> None:
    card_id = uuid4()
    media = announced(card_id=card_id)
    assert media.object_key == f"cards/{OWNER}/{card_id}.jpg"
    assert media.is_of_a_card


def test_every_type_cards_take_is_a_type_of_picture() -> None:
    assert [ImageType(kind) for kind in CardImageType] == [ImageType.JPEG, ImageType.PNG, ImageType.WEBP]


def test_confirming_takes_over_what_checking_found() -> None:
    media = announced(ImageType.HEIC)
    image = CheckedImage(data=b"x", content_type=ImageType.JPEG, width=3, height=4, phash=-5)
    media.confirm(image, uploaded_bytes=800, now=LATER)
    assert (media.content_type, media.actual_bytes) == ("image/jpeg", 800)
    assert (media.width, media.height, media.phash) == (3, 4, -5)
    assert (media.status, media.confirmed_at) == (MediaStatus.CONFIRMED, LATER)
    assert media.is_confirmed
    assert media.collect_events() == [MediaConfirmed(media_id=media.id, owner_id=OWNER)]


def test_a_picture_is_attached_to_one_thing_only() -> None:
    media, post = confirmed(), uuid4()
    media.attach(MediaTarget.POST, post, position=2)
    media.attach(MediaTarget.POST, post, position=2)
    assert (media.status, media.target_type, media.target_id, media.position) == (
        MediaStatus.ATTACHED,
        MediaTarget.POST,
        post,
        2,
    )
    assert media.is_confirmed
    for target_type, target in ((MediaTarget.POST, uuid4()), (MediaTarget.CARD, post)):
        with pytest.raises(MediaAlreadyAttached):
            media.attach(target_type, target)


def test_only_a_confirmed_picture_can_be_attached() -> None:
    gone = confirmed()
    gone.delete(LATER)
    for media in (announced(), gone):
        with pytest.raises(MediaNotConfirmed) as refused:
            media.attach(MediaTarget.CARD, uuid4())
        assert refused.value.details["status"] == media.status


def test_a_copy_shares_the_object_and_belongs_to_the_receiver() -> None:
    given, receiver, card, copy_id = attached(), uuid4(), uuid4(), uuid4()
    copy = given.copy_for(receiver, card, id=copy_id, now=LATER)
    assert (copy.id, copy.owner_id, copy.object_key, copy.is_copy) == (
        copy_id,
        receiver,
        given.object_key,
        True,
    )
    assert (copy.status, copy.target_type, copy.target_id) == (MediaStatus.ATTACHED, MediaTarget.CARD, card)
    assert (copy.actual_bytes, copy.phash, copy.width, copy.height) == (800, -5, 3, 4)


def test_deleting_unties_the_picture_once() -> None:
    media = attached()
    media.delete(LATER)
    media.delete(LATER + timedelta(days=1))
    assert (media.status, media.target_type, media.target_id, media.position) == (
        MediaStatus.DELETED,
        None,
        None,
        None,
    )
    assert media.deleted_at == LATER
    assert not media.is_confirmed
    assert media.collect_events() == [
        MediaDeleted(media_id=media.id, owner_id=OWNER, object_key=media.object_key)
    ]


def test_only_the_owner_is_let_through() -> None:
    media = announced()
    media.refuse_others(OWNER)
    with pytest.raises(NotOwner):
        media.refuse_others(uuid4())
