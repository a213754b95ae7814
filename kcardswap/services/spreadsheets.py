"""Taking in spreadsheets of cards and wishes, all lines or none.

A dry run does the whole work and lets go of it at the end, so what it tells is what would happen.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from kcardswap.domain.cards import Card, CardStatus
from kcardswap.domain.quotas import LimitKey, require_room
from kcardswap.domain.spreadsheets import (
    ImportReport,
    LineDefect,
    LineResult,
    MatchedPhotocard,
    Outcome,
    PhotocardMatch,
    SheetLine,
    SkipReason,
    SpreadsheetRefused,
)
from kcardswap.domain.wishlist import Wish
from kcardswap.persistence.unit_of_work import UnitOfWork

Found = Mapping[int, MatchedPhotocard]
"""The photocards of lines, by their numbers."""


def import_cards(
    uow: UnitOfWork, *, owner_id: UUID, lines: Sequence[SheetLine], dry_run: bool
) -> ImportReport:
    """Add cards without a picture, as many of each line as its quantity says.

    Beside quantity and any status, lines take the keys of ``Card.describe``. Cards given away are left
    out; those another binder has promised in a trade start held.

    :raises SpreadsheetRefused: lines name photocards the catalogue does not have.
    :raises LimitExceeded: too many cards would wait for a picture.
    """
    with uow:
        kept = [line for line in lines if line.values["status"] is not CardStatus.TRADED]
        found = _photocards_of(uow, owner_id, kept)
        now = uow.clock.now()
        _require_room_for_cards(uow, owner_id, sum(line.values["quantity"] for line in kept), now)
        uow.cards.add_many(
            card for line in kept for card in _cards_of(uow, owner_id, line, found[line.number], now=now)
        )
        uow.flush()
        if not dry_run:
            uow.commit()
    items = [_card_result(line, found) for line in lines]
    return ImportReport.of(items, found, dry_run=dry_run)


def _photocards_of(uow: UnitOfWork, owner_id: UUID, lines: Sequence[SheetLine]) -> Found:
    matched = uow.photocard_batches.matching([line.values for line in lines], submitted_by=owner_id)
    found = {line.number: photocard for line, photocard in zip(lines, matched, strict=True)}
    unknown = (number for number, photocard in found.items() if photocard is None)
    _refuse(LineDefect(number, "photocard_id", "Not in the catalog.", "not_found") for number in unknown)
    return {number: photocard for number, photocard in found.items() if photocard is not None}


def _refuse(defects: Iterable[LineDefect]) -> None:
    if listed := list(defects):
        raise SpreadsheetRefused(listed)


def _cards_of(
    uow: UnitOfWork, owner_id: UUID, line: SheetLine, photocard: MatchedPhotocard, *, now: datetime
) -> list[Card]:
    described = {**line.values, "photocard_id": photocard.id}
    if described["status"] is CardStatus.TRADING:
        described["status"] = CardStatus.HELD
    return [
        Card.announce(id=uow.new_id(), owner_id=owner_id, description=described, now=now)
        for _ in range(line.values["quantity"])
    ]


def _require_room_for_cards(uow: UnitOfWork, owner_id: UUID, wanted: int, now: datetime) -> None:
    uow.quotas.lock(owner_id, LimitKey.CARDS_WITHOUT_PICTURE_MAX, now=now)
    used = uow.cards.without_picture(owner_id)
    plan = uow.quotas.plan_of(owner_id)
    require_room(plan, LimitKey.CARDS_WITHOUT_PICTURE_MAX, used=used, wanted=wanted)


def _card_result(line: SheetLine, found: Found) -> LineResult:
    photocard = found.get(line.number)
    if photocard is None:
        return LineResult(line.number, Outcome.SKIPPED, SkipReason.TRADED)
    return _imported(line, photocard, quantity=line.values["quantity"])


def _imported(line: SheetLine, photocard: MatchedPhotocard, *, quantity: int = 1) -> LineResult:
    return LineResult(
        line.number,
        Outcome.IMPORTED,
        quantity=quantity,
        photocard=photocard.match,
        photocard_id=photocard.id,
    )


def import_wishes(
    uow: UnitOfWork, *, user_id: UUID, lines: Sequence[SheetLine], dry_run: bool
) -> ImportReport:
    """Add wishes; a photocard that is on the list already, or named before, is left out.

    Lines name a photocard by photocard_id or by texts, and take the keys of ``Wish.change``.

    :raises SpreadsheetRefused: lines name no photocard, or one the catalogue does not have.
    :raises LimitExceeded: the list would get too long.
    """
    with uow:
        found = _photocards_of(uow, user_id, lines)
        nameless = (number for number, each in found.items() if each.match is PhotocardMatch.NONE)
        message = "Fill in photocard_id, or at least idol or idol_group."
        _refuse(LineDefect(number, "idol_group", message, "required") for number in nameless)
        now = uow.clock.now()
        uow.quotas.lock(user_id, LimitKey.WISHLIST_ITEMS_MAX, now=now)
        new = _new_wishes(uow, user_id, found)
        plan, used = uow.quotas.plan_of(user_id), uow.wishes.count_of(user_id)
        require_room(plan, LimitKey.WISHLIST_ITEMS_MAX, used=used, wanted=len(new))
        for line in lines:
            if line.number in new:
                wish = Wish.add(
                    id=uow.new_id(),
                    user_id=user_id,
                    photocard_id=new[line.number],
                    terms=line.values,
                    now=now,
                )
                uow.wishes.add(wish)
        uow.flush()
        if not dry_run:
            uow.commit()
    items = [_wish_result(line, found[line.number], is_new=line.number in new) for line in lines]
    return ImportReport.of(items, found, dry_run=dry_run)


def _new_wishes(uow: UnitOfWork, user_id: UUID, found: Found) -> dict[int, UUID]:
    """Return the lines that add a wish and its photocard: the first of each that is not wished for."""
    wanted = {number: each.id for number, each in found.items() if each.id is not None}
    # Asked under the lock of the limit, so that nobody adds one of them in between.
    taken = uow.wishes.wished_for(user_id, wanted.values())
    new: dict[int, UUID] = {}
    for number, photocard_id in wanted.items():
        if photocard_id not in taken:
            new[number] = photocard_id
            taken.add(photocard_id)
    return new


def _wish_result(line: SheetLine, photocard: MatchedPhotocard, *, is_new: bool) -> LineResult:
    result = _imported(line, photocard)
    if is_new:
        return result
    return result._replace(outcome=Outcome.SKIPPED, reason=SkipReason.WISH_EXISTS, quantity=0)
