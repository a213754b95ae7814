"""Fixtures of the gateways: a Google to sign in with."""

from collections.abc import Iterator

import pytest

from tests.gateways.google import FakeGoogle, fake_google


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """A stand-in for Google on loopback."""
    with fake_google() as google:
        yield google
