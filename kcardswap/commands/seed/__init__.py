"""flask seed: the catalogue, and a small world of demo people."""

import click
from flask.cli import with_appcontext

from kcardswap.commands.seed.demo import DEMO_DOMAIN, DemoWorld
from kcardswap.commands.seed.people import PEOPLE
from kcardswap.runtime import current_runtime
from kcardswap.services import catalog


@click.group("seed")
def seed_commands() -> None:
    """Fill the database."""


@seed_commands.command("catalog")
@with_appcontext
def seed_catalog() -> None:
    """Import the groups and members that come with the product."""
    import_shipped_catalog()


@seed_commands.command("demo")
@with_appcontext
def seed_demo() -> None:
    """Make demo people with cards, friends and a swap in every state; safe to repeat."""
    runtime = current_runtime()
    if runtime.settings.is_production:
        raise click.ClickException("Demo people have no place in production.")
    import_shipped_catalog()
    world = DemoWorld(runtime)
    for label, steps in world.chapters():
        with click.progressbar(list(steps), label=f"{label:<12}", width=30) as progress:
            for step in progress:
                step()
    click.echo(f"Demo: {len(PEOPLE)} people ({PEOPLE[0].name}@{DEMO_DOMAIN} and others), {world.summary()}.")


def import_shipped_catalog() -> None:
    """Import the shipped data file and say what changed."""
    groups = catalog.shipped_groups()
    with click.progressbar(length=len(groups), label="Catalogue   ", width=30) as progress:
        report = catalog.import_catalog(
            current_runtime().unit_of_work(),
            groups=groups,
            on_progress=lambda done, total: progress.update(done - progress.pos),
        )
    click.echo(f"Catalogue: {report.groups_added} groups and {report.members_added} members added.")
