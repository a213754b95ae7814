"""Who waits for whom: what two people have changes under the locks of both, and a block meets every writer.

Races find a missing lock now and then; here somebody holds it, and whoever gets past lacks it.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from kcardswap.runtime import Runtime
from kcardswap.services import friendships, media
from tests import posts, talks
from tests.people import make_user
from tests.racing import not_held_up

Works = dict[str, Callable[[], object]]


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def others(runtime: Runtime) -> list[UUID]:
    """People who each have one thing with Mina."""
    return [make_user(runtime, f"other{n}") for n in range(6)]


def ask(runtime: Runtime, by: UUID, target_id: UUID) -> UUID:
    return friendships.request(runtime.unit_of_work(), by=by, target_id=target_id)


def befriend(runtime: Runtime, friendship_id: UUID, by: UUID) -> None:
    friendships.accept(runtime.unit_of_work(), friendship_id=friendship_id, by=by)


def part(runtime: Runtime, friendship_id: UUID, by: UUID) -> None:
    friendships.end(runtime.unit_of_work(), friendship_id=friendship_id, by=by)


def block(runtime: Runtime, by: UUID, target_id: UUID) -> None:
    friendships.block(runtime.unit_of_work(), by=by, target_id=target_id)


def unblock(runtime: Runtime, by: UUID, target_id: UUID) -> None:
    friendships.unblock(runtime.unit_of_work(), by=by, target_id=target_id)


def test_requests_friendships_and_blocks_wait_for_the_other_person(
    runtime: Runtime, mina: UUID, others: list[UUID]
) -> None:
    works: Works = {
        "ask to write": partial(talks.knock, runtime, others[0], mina),
        "let in": partial(talks.let_in, runtime, talks.knock(runtime, mina, others[1]), others[1]),
        "turn away": partial(talks.turn_away, runtime, talks.knock(runtime, mina, others[2]), others[2]),
        "ask to be friends": partial(ask, runtime, others[3], mina),
        "befriend": partial(befriend, runtime, ask(runtime, mina, others[4]), others[4]),
        "part": partial(part, runtime, ask(runtime, mina, others[5]), others[5]),
        "block": partial(block, runtime, others[0], mina),
        "unblock": partial(unblock, runtime, others[1], mina),
    }
    assert not_held_up(runtime, lambda uow: uow.users.get(mina, lock=True), works) == []


def test_reactions_and_interests_wait_for_the_other_person(
    runtime: Runtime, mina: UUID, others: list[UUID]
) -> None:
    minas, theirs = posts.make_post(runtime, mina), [posts.make_post(runtime, each) for each in others[:2]]
    wanted = [posts.want(runtime, post_id, mina) for post_id in theirs]
    works: Works = {
        "like": partial(posts.like, runtime, minas, others[0]),
        "comment": partial(posts.comment, runtime, minas, others[1]),
        "want": partial(posts.want, runtime, minas, others[2]),
        "accept": partial(posts.accept_interest, runtime, theirs[0], wanted[0], others[0]),
        "reject": partial(posts.reject_interest, runtime, theirs[1], wanted[1], others[1]),
    }
    assert not_held_up(runtime, lambda uow: uow.users.get(mina, lock=True), works) == []


def test_messages_and_blocks_wait_for_whoever_is_writing(
    runtime: Runtime, mina: UUID, others: list[UUID]
) -> None:
    thread_id = talks.open_thread(runtime, mina, others[0])
    works: Works = {
        "write": partial(talks.say, runtime, thread_id, mina),
        "block": partial(block, runtime, others[0], mina),
    }
    assert not_held_up(runtime, lambda uow: uow.threads.get(thread_id, lock=True), works) == []


def test_whatever_counts_or_needs_an_open_post_waits_for_it(
    runtime: Runtime, mina: UUID, others: list[UUID]
) -> None:
    post_id, picture = posts.make_post(runtime, mina), posts.make_picture(runtime, mina)
    said, wanted = posts.comment(runtime, post_id, others[0]), posts.want(runtime, post_id, others[0])
    works: Works = {
        "like": partial(posts.like, runtime, post_id, others[1]),
        "comment": partial(posts.comment, runtime, post_id, others[2]),
        "want": partial(posts.want, runtime, post_id, others[3]),
        "take a comment away": partial(posts.remove_comment, runtime, post_id, said, others[0]),
        "accept": partial(posts.accept_interest, runtime, post_id, wanted, mina),
        "edit": partial(posts.edit, runtime, post_id, mina, title="新的"),
        "attach": partial(
            media.attach_to_post, runtime.unit_of_work(), media_id=picture, post_id=post_id, by=mina
        ),
    }
    assert not_held_up(runtime, lambda uow: uow.posts.get(post_id, lock=True), works) == []
