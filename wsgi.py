"""The WSGI application gunicorn serves: ``gunicorn wsgi:app``."""

import sys

from kcardswap.app import create_app
from kcardswap.settings import InvalidSettings, Settings

try:
    app = create_app(Settings.from_env())
except InvalidSettings as error:
    sys.exit("The configuration is not valid:\n" + "\n".join(f"  {problem}" for problem in error.problems))
