"""The command line: flask db, users, catalog, seed, jobs, outbox, bench, dev, openapi, serve and worker."""

from flask import Flask

from kcardswap.commands.bench import bench_commands
from kcardswap.commands.catalog import catalog_commands
from kcardswap.commands.database import database_commands
from kcardswap.commands.dev import dev_commands
from kcardswap.commands.jobs import job_commands
from kcardswap.commands.openapi import openapi_commands
from kcardswap.commands.outbox import outbox_commands
from kcardswap.commands.seed import seed_commands
from kcardswap.commands.serve import serve
from kcardswap.commands.users import user_commands
from kcardswap.commands.worker import worker


def register_commands(app: Flask) -> None:
    """Add the project's commands to ``flask``."""
    commands = (
        database_commands,
        user_commands,
        catalog_commands,
        seed_commands,
        job_commands,
        outbox_commands,
        bench_commands,
        dev_commands,
        openapi_commands,
        serve,
        worker,
    )
    for each in commands:
        app.cli.add_command(each)
