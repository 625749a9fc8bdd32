"""How the clocks of the Victims' Code stand."""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from victim_gateway.cli import SET_ASIDE, Failed
from victim_gateway.cli._output import (
    emit_fields,
    emit_json,
    json_option,
    print_diagnostic,
    progress_bar,
    write_file,
    write_out,
)
from victim_gateway.compliance.answer import Answer, answer_documents
from victim_gateway.compliance.document import read_json
from victim_gateway.errors import CalendarExhausted, InvalidInput, UnusableFile
from victim_gateway.reporting.tables import parse_by
from victim_gateway.services.compliance.recompute import check_clocks, recompute_clocks
from victim_gateway.services.compliance.report import make_report
from victim_gateway.services.shared.next_action import refresh_open_referrals
from victim_gateway.times import now, parse_moment

if TYPE_CHECKING:
    from victim_gateway.services.compliance.report import ReportRequest


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.argument("file", type=click.Path(path_type=Path))
def evaluate(file: Path) -> None:
    """Print the clocks that the events in FILE open, as JSON.

    FILE holds one JSON document, or a list of them for a list of answers. Needs no database.
    """
    name = click.format_filename(file)
    try:
        found = _answer(file)
    except OSError as error:
        raise UnusableFile(f"{name}: {error.strerror}") from error
    except (InvalidInput, CalendarExhausted) as refusal:
        raise UnusableFile(f"{name}: {refusal.message}") from refusal
    for remark in found.remarks:
        print_diagnostic(f"{name}: {remark}")
    # Escaped, because a subject may hold what standard output has no characters for.
    click.echo(json.dumps(found.clocks, indent=2))


def _answer(file: Path) -> Answer:
    value = read_json(file.read_bytes())
    with progress_bar("Evaluating", total=len(value) if isinstance(value, list) else 1) as bar:
        return answer_documents(value, after_each=bar.advance)


@group.command()
@click.option("--check", is_flag=True, help="Change nothing; exit status 1 when stored clocks are wrong.")
@json_option
def recompute(check: bool, as_json: bool) -> None:
    """Rebuild every entitlement clock from the events, and what happens next on every open referral.

    Prints counts of clocks and the drift that was found. May be stopped and started again: it goes on where it
    was, and several may run at the same time.

    Stored clocks are always those of now: for another moment's figures use `report --as-at`.
    """
    from victim_gateway.actors import Actor
    from victim_gateway.cli._context import gateway_app

    with gateway_app():
        actor = Actor.worker("gateway compliance recompute")
        look = check_clocks if check else recompute_clocks
        with progress_bar("Checking the clocks" if check else "Rebuilding the clocks") as bar:
            found = look(actor=actor, as_at=now(), after_each=bar.update)
        if not check:
            refresh_open_referrals(actor=actor, at=now())
    result = {
        "as_at": found.as_at.isoformat(),
        "clocks": found.clocks,
        "added": found.added,
        "changed": found.changed,
        "removed": found.removed,
        "aged": found.aged,
        "drift": found.drift,
        "uncountable": found.uncountable,
    }
    emit_json(result) if as_json else emit_fields(result)
    if found.uncountable:
        print_diagnostic(
            f"gateway: {found.uncountable} clocks can't be counted, one from {found.uncountable_start}"
        )
    if check and found.drift:
        clocks = "clock is" if found.drift == 1 else "clocks are"
        raise Failed(f"{found.drift} stored {clocks} wrong; gateway compliance recompute mends them")
    if found.uncountable:
        sys.exit(SET_ASIDE)


@group.command()
@click.option("--from", "first", required=True, help="The first day on which the clocks started, YYYY-MM-DD.")
@click.option("--to", "last", required=True, help="The last day on which they started.")
@click.option("--as-at", help="What was known at this moment; otherwise now. A date is its first moment.")
@click.option("--by", default="", help="Columns to split the rows by, with commas between them.")
@click.option("--unsuppressed", is_flag=True, help="Plain counts, for use inside the service. Audited.")
@click.option("--format", "form", default="csv", type=click.Choice(["csv", "xlsx", "ods", "json"]))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file to write.")
def report(
    first: str, last: str, as_at: str | None, by: str, unsuppressed: bool, form: str, output: Path | None
) -> None:
    """Count the clocks that started in a period, as they stood at a moment.

    Counts from 1 to 4 are left empty, with others that would give them away. Exit status 3: clocks that
    can't be counted were left out.
    """
    from victim_gateway.services.compliance.report import ReportRequest

    moment = now()
    wanted = ReportRequest(
        started_from=_day(first, "--from"),
        started_to=_day(last, "--to"),
        as_at=_moment(as_at) or moment,
        by=parse_by(by),
        unsuppressed=unsuppressed,
    )
    if output is None and form in {"xlsx", "ods"} and sys.stdout.isatty():
        raise InvalidInput(f"A terminal can't show {form}: name a file with -o.")
    if wanted.as_at > moment:
        print_diagnostic("gateway: --as-at lies in the future; the same moment may later give other figures")
    content, left_out = _made(wanted, form, moment)
    _deliver(content, output)
    if left_out:
        print_diagnostic(f"gateway: {left_out}")
        sys.exit(SET_ASIDE)


def _made(wanted: ReportRequest, form: str, moment: datetime) -> tuple[bytes, str]:
    """The report file's bytes, and the text about clocks left out."""
    from victim_gateway.actors import Actor
    from victim_gateway.cli._context import gateway_app
    from victim_gateway.reporting.writers import write_report

    actor = Actor.worker("gateway compliance report")
    with gateway_app():
        made = make_report(wanted, actor=actor, form=form)
        target = io.BytesIO()
        write_report(made.document(made_by=actor.name, made_at=moment), form, target)
    return target.getvalue(), made.left_out_text if made.left_out else ""


def _deliver(content: bytes, output: Path | None) -> None:
    if output is None:
        write_out([content])
    else:
        write_file(output, [content])


def _day(given: str, option: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInput(f"{option}: {ascii(given)} is not a date like 2026-03-31") from error


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        return parse_moment(given)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"--as-at: {ascii(given)} is not a moment like 2026-03-31T17:00") from error
