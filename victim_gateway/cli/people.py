"""Look through everybody for records that are one person."""

from __future__ import annotations

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_fields, emit_json, json_option, print_diagnostic, progress_bar


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.option("--dry-run", is_flag=True, help="Say what would be proposed; propose nothing.")
@json_option
def find_duplicates(dry_run: bool, as_json: bool) -> None:
    """Weigh everybody against everybody, and propose to caseworkers who may be one person.

    Names, birth dates, phones, emails and postcodes are opened in memory only. Nothing is merged. Exit status 1
    where the optional extra is not installed, or the pass broke off.
    """
    from victim_gateway.integrations.record_linkage import (
        NOT_INSTALLED,
        LinkageFailed,
        is_linkage_installed,
    )
    from victim_gateway.services.referrals.population_duplicates import find_duplicates

    if not is_linkage_installed():
        raise Failed(NOT_INSTALLED)
    actor = Actor.worker("gateway people find-duplicates")
    with gateway_app(), progress_bar("Reading people") as bar:
        try:
            found = find_duplicates(actor=actor, at=times.now(), is_dry_run=dry_run, advance=bar.advance)
        except LinkageFailed as error:
            raise Failed(str(error)) from None
    if as_json:
        emit_json(found.as_counts())
    else:
        emit_fields(found.as_counts())
    if dry_run:
        print_diagnostic("A trial: nothing was proposed.")
