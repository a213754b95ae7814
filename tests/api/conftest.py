"""Fixtures of the API tests: an application that has the probing operations too."""

from dataclasses import replace
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kcardswap.api.limits import RateLimits
from kcardswap.logs import configure_logging
from kcardswap.runtime import EXTENSION, Runtime
from kcardswap.settings import Settings
from tests.api.probe import probed_app
from tests.conftest import PROJECT
from tests.people import MakePerson, make_person


@pytest.fixture
def probe_app(settings: Settings, runtime: Runtime) -> Flask:
    """The application with the probing operations, inside the test's transaction."""
    return prepared(settings, runtime)


def prepared(settings: Settings, runtime: Runtime) -> Flask:
    """Return the probed application of ``settings`` around ``runtime``, with fresh rate limits."""
    configure_logging(settings.log_level)
    app = probed_app(replace(settings, storage_root=PROJECT))
    app.extensions[EXTENSION] = runtime
    app.extensions["rate_limits"] = RateLimits(settings)
    return app


@pytest.fixture
def probe(probe_app: Flask) -> FlaskClient:
    """A client without credentials of the application with the probing operations."""
    return probe_app.test_client(use_cookies=False)


@pytest.fixture
def prober(runtime: Runtime, probe: FlaskClient) -> MakePerson:
    """Make somebody signed in who talks to the application with the probing operations."""
    return partial(make_person, runtime, probe)


@pytest.fixture
def racing(settings: Settings, committed_runtime: Runtime) -> Flask:
    """The application with the probing operations on a database with real commits."""
    return prepared(settings, committed_runtime)


@pytest.fixture
def racer(racing: Flask, committed_runtime: Runtime) -> MakePerson:
    """Make somebody signed in on the database with real commits."""
    return partial(make_person, committed_runtime, racing.test_client(use_cookies=False))
