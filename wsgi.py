"""The WSGI application gunicorn serves: ``gunicorn wsgi:app``."""

import sys

from kcardswap.app import create_app
from kcardswap.runtime import open_database
from kcardswap.settings import InvalidSettings, Settings

try:
    settings = Settings.from_env()
    # Opened at once in production: a database that lets everybody in stops the start, not the first request.
    app = create_app(settings, database=open_database(settings) if settings.is_production else None)
except InvalidSettings as error:
    listed = "".join(f"\n  {problem}" for problem in error.problems)
    sys.exit(f"Not a valid configuration: {error.problems[0] if len(error.problems) == 1 else listed}")
