"""The WSGI application gunicorn serves: ``gunicorn wsgi:app``."""

import sys

from kcardswap.app import create_app
from kcardswap.runtime import open_database
from kcardswap.settings import InvalidSettings, Settings

GUNICORN_APP_LOAD_ERROR = 4

try:
    settings = Settings.from_env()
    # Opened at once in production: a database that lets everybody in stops the start, not the first request.
    app = create_app(settings, database=open_database(settings) if settings.is_production else None)
except InvalidSettings as error:
    listed = "".join(f"\n  {problem}" for problem in error.problems)
    sys.stderr.write(
        f"Not a valid configuration: {error.problems[0] if len(error.problems) == 1 else listed}\n"
    )
    # With any other status gunicorn would start the next worker, for ever.
    sys.exit(GUNICORN_APP_LOAD_ERROR)
