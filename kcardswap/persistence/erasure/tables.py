"""Every table that knows people, in the order in which the traces of one of them are erased."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, case, func, null, or_, select

from kcardswap.persistence.erasure.rules import (
    GONE,
    HEIR,
    NOW,
    USER,
    Blank,
    ChangeSides,
    Clear,
    Counter,
    Forget,
    ForgetCounted,
    HandOver,
    Leave,
    Rule,
)
from kcardswap.persistence.orm.accounts import erasure_requests, identities, sessions, users
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.moderation import audit_log, reports, sanctions
from kcardswap.persistence.orm.notifications import device_tokens, notifications
from kcardswap.persistence.orm.outbox import idempotency_keys
from kcardswap.persistence.orm.posts import post_comments, post_interests, post_likes, posts
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.ratings import rating_totals, ratings
from kcardswap.persistence.orm.subscriptions import purchase_tokens, subscriptions
from kcardswap.persistence.orm.trades import (
    trade_items,
    trade_pairs,
    trade_participants,
    trade_shipments,
    trades,
)
from kcardswap.persistence.orm.wishlist import wishlist_items


@dataclass(frozen=True)
class Exported:
    """An export holds these rows of the person (``USER``)."""

    rows: ColumnElement[bool]
    without: tuple[Column[Any], ...] = ()
    """Hashes, sealed values, internals, and what is only somebody else's."""


@dataclass(frozen=True)
class NotExported:
    """An export leaves the table out, for this reason."""

    why: str


@dataclass(frozen=True)
class Personal:
    """One table that knows people."""

    table: Table
    erase: tuple[Rule, ...]
    export: Exported | NotExported


_their_trades = select(trade_participants.c.trade_id).where(trade_participants.c.user_id == USER)


def _own(column: Column[Any], *without: Column[Any]) -> Exported:
    return Exported(column == USER, without)


def _either(one: Column[Any], two: Column[Any]) -> Exported:
    return Exported(or_(one == USER, two == USER))


def _traded(one: Column[Any], two: Column[Any]) -> Exported:
    # By way of the trade: what belongs to one is not indexed by people alone.
    return Exported(one.table.c.trade_id.in_(_their_trades) & or_(one == USER, two == USER))


_in_a_trade = (
    select(trade_items.c.id)
    .where(or_(trade_items.c.card_id == cards.c.id, trade_items.c.received_card_id == cards.c.id))
    .correlate(cards)
    .exists()
)
_FOLLOWS = "follows the participant by the cascade of its key"

PERSONAL: tuple[Personal, ...] = (
    # What is theirs alone.
    Personal(
        device_tokens,
        (Forget(device_tokens.c.user_id, at_once=True),),
        _own(device_tokens.c.user_id, device_tokens.c.fcm_token, device_tokens.c.fcm_token_hash),
    ),
    Personal(
        notifications,
        (Forget(notifications.c.user_id), Forget(notifications.c.actor_id)),
        _own(notifications.c.user_id),
    ),
    Personal(
        idempotency_keys,
        (Forget(idempotency_keys.c.user_id),),
        NotExported("copies of answers, gone after a day"),
    ),
    Personal(
        identities,
        (Forget(identities.c.user_id, at_once=True),),
        _own(identities.c.user_id, identities.c.sealed_refresh_token),
    ),
    Personal(sessions, (Forget(sessions.c.user_id),), _own(sessions.c.user_id)),
    Personal(profiles, (Forget(profiles.c.user_id),), _own(profiles.c.user_id)),
    Personal(subscriptions, (Forget(subscriptions.c.user_id),), _own(subscriptions.c.user_id)),
    Personal(quota_usage, (Forget(quota_usage.c.user_id),), _own(quota_usage.c.user_id)),
    Personal(wishlist_items, (Forget(wishlist_items.c.user_id),), _own(wishlist_items.c.user_id)),
    Personal(gallery_cards, (Forget(gallery_cards.c.user_id),), _own(gallery_cards.c.user_id)),
    Personal(
        friendships,
        (Forget(friendships.c.user_id), Forget(friendships.c.friend_id)),
        _either(friendships.c.user_id, friendships.c.friend_id),
    ),
    Personal(
        blocks,
        (Forget(blocks.c.blocker_id), Forget(blocks.c.blocked_id)),
        # Nobody learns who blocked them.
        _own(blocks.c.blocker_id),
    ),
    # What they said in public.
    Personal(
        post_likes,
        (ForgetCounted(post_likes.c.user_id, post_likes.c.post_id, Counter(posts.c.like_count)),),
        _own(post_likes.c.user_id),
    ),
    Personal(
        post_comments,
        (
            ForgetCounted(
                post_comments.c.user_id,
                post_comments.c.post_id,
                Counter(posts.c.comment_count, post_comments.c.deleted_at.is_(None)),
            ),
            Clear(post_comments.c.deleted_by),
        ),
        _own(post_comments.c.user_id, post_comments.c.deleted_by),
    ),
    Personal(post_interests, (Forget(post_interests.c.user_id),), _own(post_interests.c.user_id)),
    Personal(
        posts,
        # Each takes its comments and likes with it.
        (Forget(posts.c.owner_id, limit=20), Clear(posts.c.deleted_by)),
        _own(posts.c.owner_id, posts.c.deleted_by),
    ),
    # What they said to one person, who keeps the conversation.
    Personal(messages, (HandOver(messages.c.sender_id, {"content": GONE}),), _own(messages.c.sender_id)),
    Personal(
        message_requests,
        (
            HandOver(message_requests.c.sender_id, {"initial_message": GONE}),
            HandOver(message_requests.c.recipient_id),
        ),
        _own(message_requests.c.sender_id),
    ),
    Personal(
        threads,
        (ChangeSides(threads.c.user_a_id, threads.c.user_b_id),),
        _either(threads.c.user_a_id, threads.c.user_b_id),
    ),
    # What they swapped, which is the history of others, too.
    Personal(
        trade_shipments,
        (
            Blank(
                (trade_shipments.c.sender_id, trade_shipments.c.receiver_id),
                {"carrier": GONE, "tracking_number": GONE},
                unless=trade_shipments.c.tracking_number == GONE,
                where=trade_shipments.c.trade_id.in_(_their_trades),
            ),
        ),
        _traded(trade_shipments.c.sender_id, trade_shipments.c.receiver_id),
    ),
    Personal(
        trade_participants,
        (HandOver(trade_participants.c.user_id),),
        _own(trade_participants.c.user_id),
    ),
    Personal(
        trade_items,
        (Leave(trade_items.c.giver_id, _FOLLOWS), Leave(trade_items.c.receiver_id, _FOLLOWS)),
        _traded(trade_items.c.giver_id, trade_items.c.receiver_id),
    ),
    Personal(
        trades,
        (HandOver(trades.c.canceled_by, {"version": trades.c.version + 1}),),
        Exported(trades.c.id.in_(_their_trades)),
    ),
    Personal(
        trade_pairs,
        (Forget(trade_pairs.c.user_a_id), Forget(trade_pairs.c.user_b_id)),
        NotExported("counts the unfinished trades among the exported ones"),
    ),
    Personal(
        cards,
        (
            HandOver(
                cards.c.owner_id,
                {"note": null(), "deleted_at": func.coalesce(cards.c.deleted_at, NOW)},
                where=_in_a_trade,
            ),
            Forget(cards.c.owner_id, ~_in_a_trade),
        ),
        _own(cards.c.owner_id),
    ),
    Personal(
        ratings,
        (
            HandOver(ratings.c.rater_id, {"comment": null()}),
            HandOver(ratings.c.rated_user_id, {"comment": null()}),
        ),
        _either(ratings.c.rater_id, ratings.c.rated_user_id),
    ),
    Personal(
        rating_totals,
        (HandOver(rating_totals.c.user_id),),
        NotExported("sums of the exported ratings"),
    ),
    # What moderators and the store have to be able to look up.
    Personal(
        sanctions,
        (
            Forget(sanctions.c.user_id),
            Clear(sanctions.c.imposed_by),
            Clear(sanctions.c.appeal_decided_by),
        ),
        _own(
            sanctions.c.user_id, sanctions.c.report_id, sanctions.c.imposed_by, sanctions.c.appeal_decided_by
        ),
    ),
    Personal(
        reports,
        (
            HandOver(reports.c.reporter_id, {"detail": null(), "note": null()}),
            HandOver(
                reports.c.reported_user_id,
                {
                    "detail": null(),
                    "note": null(),
                    # What it is about stays, so that several open reports do not become the same.
                    "target_id": case((reports.c.target_id == USER, HEIR), else_=reports.c.target_id),
                },
            ),
            Clear(reports.c.reviewed_by),
            Clear(reports.c.resolved_by),
        ),
        # Nobody learns who reported them.
        _own(reports.c.reporter_id, reports.c.note, reports.c.reviewed_by, reports.c.resolved_by),
    ),
    Personal(
        audit_log,
        (Leave(audit_log.c.actor_id, "kept for legal reasons: ids only"),),
        NotExported("what administrators did, kept for legal reasons"),
    ),
    Personal(
        purchase_tokens,
        (HandOver(purchase_tokens.c.user_id, {"raw_payload": {}, "next_check_at": null()}),),
        _own(purchase_tokens.c.user_id),
    ),
    # What belongs to everybody.
    Personal(
        photocards,
        (Clear(photocards.c.submitted_by), Clear(photocards.c.verified_by)),
        _own(
            photocards.c.submitted_by,
            photocards.c.match_key,
            photocards.c.search_text,
            photocards.c.verified_by,
        ),
    ),
    # Last, what the erasure itself goes by.
    Personal(
        media_assets,
        (Leave(media_assets.c.owner_id, "goes picture by picture, together with the objects"),),
        _own(media_assets.c.owner_id, media_assets.c.phash, media_assets.c.phash_mirror),
    ),
    Personal(
        erasure_requests,
        (
            Leave(erasure_requests.c.user_id, "goes with the account"),
            Leave(erasure_requests.c.heir_id, "goes with the account"),
        ),
        NotExported("exists for deleted accounts only"),
    ),
    Personal(
        users,
        (Leave(users.c.id, "goes last"),),
        _own(users.c.id, users.c.password_hash),
    ),
)
