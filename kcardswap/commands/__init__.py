"""The command line: flask db, users, seed, jobs, openapi and serve."""

from flask import Flask

from kcardswap.commands.database import database_commands
from kcardswap.commands.jobs import job_commands
from kcardswap.commands.openapi import openapi_commands
from kcardswap.commands.seed import seed_commands
from kcardswap.commands.serve import serve
from kcardswap.commands.users import user_commands


def register_commands(app: Flask) -> None:
    """Add the project's commands to ``flask``."""
    commands = (database_commands, user_commands, seed_commands, job_commands, openapi_commands, serve)
    for each in commands:
        app.cli.add_command(each)
