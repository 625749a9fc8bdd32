"""Making the compliance report: from one snapshot, small numbers hidden unless asked otherwise, audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput
from victim_gateway.queries import compliance_report
from victim_gateway.reporting.suppression import suppress
from victim_gateway.reporting.tables import ReportRow
from victim_gateway.transactions import record_audit, settings, transaction

STATEMENT_TIMEOUT = "5min"
FORMATS = ("csv", "xlsx", "ods", "json")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is asked for: London dates, both included, and what was known at `as_at`."""

    started_from: date
    started_to: date
    as_at: datetime
    by: tuple[str, ...] = ()
    unsuppressed: bool = False

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins."""
        if self.started_from > self.started_to:
            raise InvalidInput(
                f"The period ends before it begins: {self.started_from} is after {self.started_to}.",
                fields={"started_to": "The last day must not be before the first day"},
            )


@dataclass(frozen=True, slots=True)
class MadeReport:
    """The rows as they may leave, and what was wanted."""

    wanted: Wanted
    rows: tuple[ReportRow, ...]
    left_out: int
    """Clocks that can't be counted, because their working days lie outside the bank-holiday table."""
    left_out_start: str | None


def make(wanted: Wanted, *, actor: Actor, form: str) -> MadeReport:
    """Make the report and note who made it, with which parameters, and how many rows it has.

    `form` is what it is made for: one of FORMATS, or "page".
    """
    with transaction(actor) as session:
        session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        found = compliance_report.report(
            session,
            period=(wanted.started_from, wanted.started_to),
            as_at=wanted.as_at,
            by=wanted.by,
            area=settings().area,
        )
        record_audit(
            session,
            "compliance.report_made",
            started_from=wanted.started_from.isoformat(),
            started_to=wanted.started_to.isoformat(),
            as_at=wanted.as_at.isoformat(),
            by=list(wanted.by),
            unsuppressed=wanted.unsuppressed,
            form=form,
            rows=len(found.rows),
        )
    rows = found.rows if wanted.unsuppressed else tuple(suppress(found.rows))
    return MadeReport(wanted, rows, found.left_out, found.left_out_start)
