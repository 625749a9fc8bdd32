"""Take in files: referrals from the police, events of their cases."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli import DONE, SET_ASIDE, Failed
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import (
    emit_fields,
    emit_json,
    json_option,
    print_diagnostic,
    progress_bar,
    write_out,
)
from victim_gateway.errors import UnusableFile
from victim_gateway.vocabulary import ImportKind

ACTOR = "gateway import"


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command("police-feed")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reopen-published", is_flag=True, help="With --history: change published figures. Audited.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--history", is_flag=True, help="Past years: recorded at the time the feed gives, not now.")
@json_option
def police_feed(file: Path, dry_run: bool, history: bool, reopen_published: bool, as_json: bool) -> None:
    """Import the referrals in FILE, a police referral feed."""
    _import(
        file,
        ImportKind.POLICE_FEED,
        dry_run=dry_run,
        history=history,
        reopen_published=reopen_published,
        as_json=as_json,
    )


@group.command("case-events")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reopen-published", is_flag=True, help="With --history: change published figures. Audited.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--history", is_flag=True, help="Past years: recorded at the time the feed gives, not now.")
@json_option
def case_events(file: Path, dry_run: bool, history: bool, reopen_published: bool, as_json: bool) -> None:
    """Import the events in FILE, a case-events feed."""
    _import(
        file,
        ImportKind.CASE_EVENTS,
        dry_run=dry_run,
        history=history,
        reopen_published=reopen_published,
        as_json=as_json,
    )


@group.command()
@click.argument("batch", type=int)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this file, not standard output."
)
def rejected(batch: int, output: Path | None) -> None:
    """Print the rows that BATCH set aside, as the same CSV with the columns row and reason."""
    with gateway_app():
        from victim_gateway.queries.imports.batches import rejected_rows

        chunks = rejected_rows(batch, actor=Actor.worker(ACTOR))
        if output is None:
            write_out(chunks)
            return
        try:
            with output.open("wb") as target:
                target.writelines(chunks)
        except OSError as error:
            raise Failed(f"{click.format_filename(output)}: {error.strerror}") from error


def _import(
    file: Path, kind: ImportKind, *, dry_run: bool, history: bool, reopen_published: bool, as_json: bool
) -> None:
    if reopen_published and not history:
        raise click.UsageError(
            "--reopen-published goes only with --history: no other import changes the past."
        )
    name = click.format_filename(file)
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UnusableFile(f"{name}: {error.strerror}") from error
    with stream, gateway_app(), progress_bar("Importing") as bar:
        from victim_gateway.services.imports.runner import ImportRequest, import_file

        try:
            summary = import_file(
                stream,
                ImportRequest(
                    kind, file.name, history=history, dry_run=dry_run, reopen_published=reopen_published
                ),
                actor=Actor.worker(ACTOR),
                at=times.now(),
                progress=bar.update,
            )
        except UnusableFile as refusal:
            raise UnusableFile(f"{name}: {refusal.message}") from refusal
    if as_json:
        emit_json(summary.document())
    else:
        emit_fields(summary.document())
    if summary.set_aside and summary.batch is not None:
        rows = "row was" if summary.set_aside == 1 else "rows were"
        print_diagnostic(f"{summary.set_aside:,} {rows} set aside: gateway import rejected {summary.batch}")
    if dry_run:
        print_diagnostic("A trial: nothing was changed.")
    sys.exit(SET_ASIDE if summary.set_aside else DONE)
