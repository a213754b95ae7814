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
    sys.exit("The configuration is not valid:\n" + "\n".join(f"  {problem}" for problem in error.problems))
