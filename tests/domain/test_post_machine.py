"""The post against a model of it: whatever happens in whatever order, only the drawn transitions happen."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kcardswap.domain.errors import NotOwner
from kcardswap.domain.posts import (
    CategoryRestricted,
    Post,
    PostCategory,
    PostNotFound,
    PostNotOpen,
    PostStatus,
    PostTerms,
)

OWNER, OTHER = UUID(int=1), UUID(int=2)
START = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)
TERMS = PostTerms(default=timedelta(days=14), longest=timedelta(days=90))


class PostMachine(RuleBasedStateMachine):
    """Writes one post and lets time pass while its owner, the job and moderators act on it."""

    @initialize(days=st.integers(1, 90))
    def write(self, days: int) -> None:
        self.now = START
        self.post = Post.write(
            id=UUID(int=3),
            owner_id=OWNER,
            may_announce=False,
            described={
                "title": "title",
                "content": "content",
                "expires_at": START + timedelta(days=days),
            },
            terms=TERMS,
            now=START,
        )
        self.ends_at = self.post.expires_at
        self.closed = self.deleted = False
        self.events = ["PostCreated"]
        self.title = "title"

    @property
    def status(self) -> PostStatus:
        """Return what the post has to be."""
        if self.deleted:
            return PostStatus.DELETED
        if self.closed:
            return PostStatus.CLOSED
        return PostStatus.EXPIRED if self.now >= self.ends_at else PostStatus.OPEN

    @rule(hours=st.integers(1, 24 * 30))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def wait_for_the_end(self) -> None:
        self.now = max(self.now, self.ends_at)

    @rule(title=st.text(alphabet="abc 123", min_size=1, max_size=5))
    def edit(self, title: str) -> None:
        if self.status is PostStatus.OPEN:
            self.post.edit({"title": title}, may_announce=False, now=self.now)
            self.title = title
        else:
            with pytest.raises(PostNotOpen) as refusal:
                self.post.edit({"title": title}, may_announce=False, now=self.now)
            assert refusal.value.details["status"] is self.status

    @rule()
    def announce(self) -> None:
        with pytest.raises(CategoryRestricted):
            self.post.edit({"category": PostCategory.ANNOUNCEMENT}, may_announce=False, now=self.now)

    @rule()
    def close(self) -> None:
        if self.status is PostStatus.OPEN:
            self.closed = True
            self.events.append("PostClosed")
        elif self.status is not PostStatus.CLOSED:
            with pytest.raises(PostNotOpen):
                self.post.close(self.now)
            return
        self.post.close(self.now)

    @rule()
    def sweep(self) -> None:
        # The job claims stored open posts past their end and no others.
        if self.post.status is PostStatus.OPEN and self.post.expires_at <= self.now:
            self.post.expire()

    @rule(by=st.sampled_from([OWNER, OTHER, None]))
    def delete(self, by: UUID | None) -> None:
        if self.deleted:
            with pytest.raises(PostNotFound):
                self.post.delete(by=by, now=self.now)
            return
        self.post.delete(by=by, now=self.now)
        self.deleted = True
        self.events.append("PostDeleted")
        assert self.post.deleted_by == by

    @rule()
    def act_as_somebody_else(self) -> None:
        with pytest.raises(NotOwner):
            self.post.refuse_others(OTHER)

    @invariant()
    def status_is_what_happened(self) -> None:
        if not hasattr(self, "post"):
            return
        assert self.post.status_at(self.now) is self.status
        assert (self.post.deleted_at is not None) is self.deleted
        assert (self.post.closed_at is not None) is self.closed
        assert self.post.title == self.title
        if self.status is PostStatus.OPEN:
            self.post.refuse_unless_open(self.now)
        else:
            with pytest.raises(PostNotOpen):
                self.post.refuse_unless_open(self.now)

    def teardown(self) -> None:
        if hasattr(self, "post"):
            assert [type(event).__name__ for event in self.post.collect_events()] == self.events


PostMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestPost = PostMachine.TestCase
