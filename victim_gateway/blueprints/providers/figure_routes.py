"""A provider's own figures, as a page and as a file."""

from __future__ import annotations

import io
from datetime import date

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.own_figures import (
    DaysTaken,
    OwnFigureRow,
    OwnFigures,
    own_figures,
)
from victim_gateway.reporting.documents import ReportDocument
from victim_gateway.reporting.tables import Cell
from victim_gateway.reporting.text_files import write_csv
from victim_gateway.rules.provider_figures import OfferFate
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

FATE_TITLES = {
    OfferFate.TAKEN_ON: "Accepted",
    OfferFate.DECLINED: "Declined",
    OfferFate.EXPIRED: "Ran out",
    OfferFate.WITHDRAWN: "Taken back",
    OfferFate.RETURNED: "Returned",
    OfferFate.ENDED_EARLY: "Ended early",
    OfferFate.UNANSWERED: "To answer",
}
_COLUMNS = (
    "of",
    "name",
    "offered",
    *(fate.value for fate in OfferFate),
    "waiting_for_contact",
    "supported",
    "closed",
    "left_to_successor",
    "days_to_answer_median",
    "days_to_answer_90th",
    "days_to_contact_median",
    "days_to_contact_90th",
    "days_waited_median",
    "days_waited_90th",
)


@bp.get("/our-service/figures")
@requires(Permission.MANAGE_OWN_SERVICE)
def our_figures() -> ResponseReturnValue:
    """What became of what was offered, and how long it took."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        found = own_figures(session)
        record_audit(session, "own_figures.viewed", offered=found.total.counts.offered)
    since = found.total.waiting_since
    return render_template(
        "providers/our_figures.html",
        found=found,
        titles=FATE_TITLES,
        quarter_name=quarter_name,
        longest_wait=(now - since).days if since else None,
    )


@bp.post("/our-service/figures.csv")
@requires(Permission.MANAGE_OWN_SERVICE)
def download_figures() -> Response:
    """The same as a file. A POST, as what leaves the service is audited."""
    actor, now = signed_in_actor(), times.now()
    with transaction(actor) as session:
        found = own_figures(session)
        record_audit(session, "own_figures.exported", offered=found.total.counts.offered)
    target = io.BytesIO()
    write_csv(
        ReportDocument(
            title="Own figures",
            columns=_COLUMNS,
            rows=list(_file_rows(found)),
            parameters={},
            made_by=actor.name,
            made_at=now,
        ),
        target,
    )
    return Response(
        target.getvalue(),
        mimetype="text/csv",
        headers={
            "Content-Disposition": f'attachment; filename="our-figures-{times.london_date(now):%Y-%m-%d}.csv"'
        },
    )


def quarter_name(first_day: date) -> str:
    """`January to March 2026`, of the first day of a quarter."""
    last = first_day.replace(month=first_day.month + 2)
    return f"{first_day:%B} to {last:%B %Y}"


def _file_rows(found: OwnFigures) -> list[tuple[Cell, ...]]:
    return [
        _file_row("all", "", found.total),
        *(_file_row("service", row.service or "", row) for row in found.services),
        *(_file_row("quarter", row.quarter.isoformat(), row) for row in found.quarters if row.quarter),
    ]


def _file_row(kind: str, name: str, row: OwnFigureRow) -> tuple[Cell, ...]:
    counts = row.counts
    return (
        kind,
        name,
        counts.offered,
        *(counts.by_fate[fate] for fate in OfferFate),
        counts.waiting,
        counts.supported,
        counts.closed,
        counts.left,
        *(cell for taken in (row.to_answer, row.to_contact, row.wait) for cell in _day_cells(taken)),
    )


def _day_cells(taken: DaysTaken) -> tuple[Cell, Cell]:
    return (
        None if taken.median is None else f"{taken.median:.1f}",
        None if taken.ninetieth is None else f"{taken.ninetieth:.1f}",
    )
