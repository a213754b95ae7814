"""Fixtures of the use cases: two friends and the swap between them."""

from uuid import UUID

import pytest

from kcardswap.runtime import Runtime
from tests.swaps import Two, accept, propose


@pytest.fixture
def two(runtime: Runtime) -> Two:
    return Two(runtime)


@pytest.fixture
def proposed(runtime: Runtime, two: Two) -> UUID:
    """Mina's first card for Jun's first."""
    return propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])


@pytest.fixture
def accepted(runtime: Runtime, two: Two, proposed: UUID) -> UUID:
    """The same swap after Jun accepted."""
    accept(runtime, proposed, two.jun)
    return proposed
