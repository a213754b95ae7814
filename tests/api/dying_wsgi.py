"""An application whose worker, asked to, dies by SIGKILL after the work and before the answer."""

import os
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kcardswap.settings import Settings
from tests.api.probe import probed_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

served = probed_app(Settings.from_env())


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer like the served application; with ``X-Die: yes`` do everything but answer."""
    answer = served(environ, start_response)
    if environ.get("HTTP_X_DIE") == "yes":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
