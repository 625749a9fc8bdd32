"""Take in files: referrals from the police, events of their cases."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli import DONE, SET_ASIDE
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import (
    emit_fields,
    emit_json,
    json_option,
    print_diagnostic,
    progress_bar,
    write_file,
    write_out,
)
from victim_gateway.errors import UnusableFile
from victim_gateway.vocabulary import ImportKind

ACTOR = "gateway import"


@dataclass(frozen=True, slots=True)
class _Options:
    """How a file is imported, by the names of `ImportRequest`."""

    dry_run: bool
    history: bool
    put_back: bool = False
    leave_closed: bool = False
    reopen_published: bool = False


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command("police-feed")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reopen-published", is_flag=True, help="With --history: change published figures. Audited.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--history", is_flag=True, help="Past years: recorded at the time the feed gives, not now.")
@click.option(
    "--put-back",
    is_flag=True,
    help="FILE was imported before: make its values the newest again, to undo a wrong file that came since.",
)
@click.option(
    "--closed/--open",
    "leave_closed",
    default=None,
    help="With --history: the cases in FILE are over, leave their referrals closed; or they go on. Asked on a "
    "terminal; elsewhere they stay open. What came in the last four weeks always does, and cases of people with an "
    "open referral. A closed one has a task only where safe contact, a correction or a reference must be looked at.",
)
@json_option
def police_feed(
    file: Path,
    dry_run: bool,
    history: bool,
    put_back: bool,
    leave_closed: bool | None,
    reopen_published: bool,
    as_json: bool,
) -> None:
    """Import the referrals in FILE, a police referral feed."""
    if leave_closed and not history:
        raise click.UsageError("--closed goes only with --history: a current referral is somebody's work.")
    if leave_closed is None:
        leave_closed = history and not as_json and sys.stdin.isatty() and _ask_whether_over(file)
    options = _Options(
        dry_run, history, put_back=put_back, leave_closed=leave_closed, reopen_published=reopen_published
    )
    _import(file, ImportKind.POLICE_FEED, options, as_json=as_json)


@group.command("case-events")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reopen-published", is_flag=True, help="With --history: change published figures. Audited.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--history", is_flag=True, help="Past years: recorded at the time the feed gives, not now.")
@json_option
def case_events(file: Path, dry_run: bool, history: bool, reopen_published: bool, as_json: bool) -> None:
    """Import the events in FILE, a case-events feed."""
    options = _Options(dry_run, history, reopen_published=reopen_published)
    _import(file, ImportKind.CASE_EVENTS, options, as_json=as_json)


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
        else:
            write_file(output, chunks)


def _ask_whether_over(file: Path) -> bool:
    name = click.format_filename(file.name)
    return click.confirm(
        f"Are the cases in {name} over? Then their referrals are left closed, without tasks or reminders.",
        default=False,
        err=True,
    )


def _import(file: Path, kind: ImportKind, options: _Options, *, as_json: bool) -> None:
    if options.reopen_published and not options.history:
        raise click.UsageError(
            "--reopen-published goes only with --history: no other import changes the past."
        )
    # The files of several imports are ordered by the moments at which they were handed in.
    handed_in_at = times.now()
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
                ImportRequest(kind, file.name, **asdict(options)),
                actor=Actor.worker(ACTOR),
                at=handed_in_at,
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
    for warning in summary.file_warnings:
        print_diagnostic(warning)
    if summary.unread_protective:
        rows = "row has" if summary.unread_protective == 1 else "rows have"
        print_diagnostic(
            f"{summary.unread_protective:,} {rows} an answer about safety that can't be read. Nothing was loosened; "
            "the referral shows what the file says."
        )
    if summary.changed_since and not options.put_back:
        rows = "row" if summary.changed_since == 1 else "rows"
        print_diagnostic(
            f"This file was imported before, and later files have changed {summary.changed_since:,} of its {rows}. "
            "Nothing was changed; --put-back makes its values the newest."
        )
    if options.dry_run:
        print_diagnostic("A trial: nothing was changed.")
    sys.exit(SET_ASIDE if summary.set_aside or summary.unread_protective else DONE)
