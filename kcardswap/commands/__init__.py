"""The command line: flask db, users, seed, jobs, openapi and serve."""

from flask import Flask

from kcardswap.commands.database import database_commands
from kcardswap.commands.openapi import openapi_commands
from kcardswap.commands.users import user_commands


def register_commands(app: Flask) -> None:
    """Add the project's commands to ``flask``."""
    for group in (database_commands, user_commands, openapi_commands):
        app.cli.add_command(group)
