"""flask catalog: operators maintain groups, members, releases and photocards."""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import with_appcontext

from kcardswap.gateways.catalog_files import (
    CatalogFile,
    CatalogFileError,
    FileFormat,
    Skipped,
    read_catalog,
    shipped_catalog,
)
from kcardswap.runtime import current_runtime
from kcardswap.services import catalog
from kcardswap.services.catalog import ImportReport, Progress

SHOWN_SKIPS = 20
KINDS = ("groups", "members", "releases", "photocards")


@click.group("catalog")
def catalog_commands() -> None:
    """Maintain the catalogue."""


@catalog_commands.command("import")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice([each.value for each in FileFormat]),
    help="How the files are built. Without it, each file is told by its content.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option(
    "--skipped",
    "skipped_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every entry that was left out to this CSV file, with place and reason.",
)
@with_appcontext
def import_files(
    files: tuple[Path, ...], format_name: str | None, dry_run: bool, skipped_file: Path | None
) -> None:
    """Import groups, members, releases and photocards from JSON FILEs.

    Without a FILE, the groups and members that come with the product are imported. Files may be in the
    project's own format (native), as MusicBrainz answers searches and lookups of artists, or as Wikidata
    answers queries and gives entities.

    Entries that are new are added and known ones completed. Nothing is removed, and importing a file
    again changes nothing. Each file is one transaction. Entries that cannot be used are left out and
    reported. The exit status is 1 when a file cannot be read; then nothing of any file is imported.
    """
    chosen = None if format_name is None else FileFormat(format_name)
    try:
        found = [read_catalog(path, chosen) for path in files] or [shipped_catalog()]
    except CatalogFileError as error:
        raise click.ClickException(str(error)) from error
    skipped: list[Skipped] = []
    for each in found:
        report = _import(each, dry_run=dry_run)
        left_out = [*each.skipped, *report.skipped]
        _tell(each, report, left_out, dry_run=dry_run)
        skipped.extend(left_out)
    if skipped_file is not None:
        _write_skipped(skipped_file, skipped)


def _import(found: CatalogFile, *, dry_run: bool) -> ImportReport:
    with progress_of(len(found.groups), f"{found.name} ") as on_progress:
        return catalog.import_catalog(
            current_runtime().unit_of_work(),
            groups=found.groups,
            file=found.name,
            dry_run=dry_run,
            on_progress=on_progress,
        )


@contextmanager
def progress_of(groups: int, label: str) -> Iterator[Progress]:
    """Show how far an import is, on a terminal only: output that is piped on stays clean."""
    if not sys.stderr.isatty():
        yield _quiet
        return
    with click.progressbar(length=groups, label=label, width=30, file=sys.stderr) as progress:
        yield lambda done, total: progress.update(done - progress.pos)


def _quiet(done: int, total: int) -> None:
    """Say nothing."""


def _tell(found: CatalogFile, report: ImportReport, skipped: Sequence[Skipped], *, dry_run: bool) -> None:
    counts = ", ".join(
        f"{kind} {getattr(report, f'{kind}_added')} added {getattr(report, f'{kind}_updated')} updated"
        for kind in KINDS
    )
    trial = " (dry run, nothing was changed)" if dry_run else ""
    click.echo(f"{found.name}: {counts}, aliases {report.aliases_added} added{trial}.")
    click.echo(f"{found.name}: {report.unchanged} entries unchanged, {len(skipped)} skipped.")
    for each in skipped[:SHOWN_SKIPS]:
        click.echo(f"  skipped {each.position} {each.name!r}: {each.reason}")
    if len(skipped) > SHOWN_SKIPS:
        click.echo(f"  and {len(skipped) - SHOWN_SKIPS} more; --skipped FILE lists them all.")


def _write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(Skipped._fields)
            table.writerows(skipped)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
