"""Migrate the database, or say whether its schema is current."""

from __future__ import annotations

import click

from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_settings
from victim_gateway.cli._output import emit_json, json_option
from victim_gateway.database.area_record import check_area
from victim_gateway.database.upgrade import is_schema_current, upgrade_database


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.option(
    "--set-area",
    is_flag=True,
    help="Make GATEWAY_AREA the area of this database. Refused once it holds another area's referrals.",
)
def upgrade(set_area: bool) -> None:
    """Bring the schema up to date. Safe to repeat; waits for one that is under way."""
    with gateway_settings() as settings:
        upgrade_database(settings, set_area=set_area)
    click.echo("The database is up to date.")


@group.command()
@json_option
def check(as_json: bool) -> None:
    """Say whether the schema is current; exit status 1 if it is not."""
    with gateway_settings() as settings:
        check_area(settings)
        current = is_schema_current(settings)
    if as_json:
        emit_json({"current": current})
    elif current:
        click.echo("The schema is current.")
    if not current:
        raise Failed("the schema is not current: run gateway db upgrade")
