"""The provider directory: import it from a file, export it."""

from __future__ import annotations

from pathlib import Path

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_fields, emit_json, json_option
from victim_gateway.errors import UnusableFile
from victim_gateway.services.shared.command import Command

ACTOR = "gateway providers"


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def import_(file: Path, as_json: bool) -> None:
    """Add and update the providers and services in FILE: a CSV with one service a row, or Open Referral JSON.

    A row that is wrong refuses the whole file. What FILE does not name stays as it is.
    """
    from dataclasses import asdict

    from victim_gateway.services.providers import directory

    name = click.format_filename(file)
    try:
        with file.open("rb") as opened:
            # One byte more than is taken, so that a larger file is refused without being read.
            data = opened.read(directory.LARGEST_FILE + 1)
    except OSError as error:
        raise UnusableFile(f"{name}: {error.strerror}") from error
    with gateway_app():
        try:
            entries = directory.read_directory(data)
        except UnusableFile as error:
            raise UnusableFile(f"{name}: {error.message}") from error
        summary = asdict(directory.import_directory(Command(Actor.worker(ACTOR), times.now()), entries))
    if as_json:
        emit_json(summary)
    else:
        emit_fields(summary)


@group.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "openreferral"]),
    default="csv",
    show_default=True,
    help="csv: what import reads; openreferral: services of HSDS 3.0 (Open Referral UK), as JSON.",
)
def export(form: str) -> None:
    """Print the whole directory."""
    from victim_gateway.services.providers import directory

    with gateway_app():
        entries = directory.export_entries(actor=Actor.worker(ACTOR))
        if form == "csv":
            click.echo(directory.directory_as_csv(entries), nl=False)
        else:
            emit_json(directory.directory_as_open_referral(entries))
