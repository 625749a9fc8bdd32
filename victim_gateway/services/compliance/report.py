"""Making the compliance report: from one snapshot, small numbers hidden unless asked otherwise, audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from victim_gateway.actors import Actor
from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.compliance.editions import code_editions
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.replica import figures_session
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.compliance import report
from victim_gateway.reporting.documents import ReportDocument, build_compliance_document
from victim_gateway.reporting.suppression import suppress_small_counts
from victim_gateway.reporting.tables import ReportRow
from victim_gateway.reporting.writers import WRITERS
from victim_gateway.services.compliance.published_figures import REPORT_MADE

STATEMENT_TIMEOUT = "5min"
FORMATS = tuple(WRITERS)
CAVEAT = "The Code is a minimum: that every clock was met does not mean that people got what they needed."


@dataclass(frozen=True, slots=True)
class ReportRequest:
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

    wanted: ReportRequest
    rows: tuple[ReportRow, ...]
    left_out: int
    """Clocks that can't be counted, because their working days lie outside the bank-holiday table."""
    left_out_start: str | None
    history_loaded_at: datetime | None = None
    """When past years were last loaded: the one thing that changes figures as at an earlier moment."""

    def document(self, *, made_by: str, made_at: datetime) -> ReportDocument:
        """The report as the writers take it, with its parameters and a cover sheet."""
        wanted = self.wanted
        return build_compliance_document(
            self.rows,
            by=wanted.by,
            parameters={
                "area": current_settings().area.name,
                "from": wanted.started_from,
                "to": wanted.started_to,
                "as_at": wanted.as_at,
                "by": wanted.by,
                "unsuppressed": wanted.unsuppressed,
                "left_out": self.left_out,
                "history_loaded_at": self.history_loaded_at,
            },
            made_by=made_by,
            made_at=made_at,
            data_quality=self._quality(),
        )

    def _quality(self) -> list[tuple[str, str]]:
        """What a reader has to know before using the figures; counts here could undo the suppression."""
        quality = [("To keep in mind", CAVEAT)]
        if self.left_out:
            quality.append(("Left out", self.left_out_text))
        shown = {(row.edition, row.entitlement_id) for row in self.rows}
        recalled = sorted(f"{own} ({edition})" for edition, own in shown & _recalled())
        if recalled:
            quality.append(("Limits from memory, not yet checked against the Code", ", ".join(recalled)))
        return quality

    @property
    def left_out_text(self) -> str:
        """Why clocks are missing, with one of them named."""
        coverage = england_and_wales().coverage
        return f"{self.left_out} clocks can't be counted, one from {self.left_out_start}: {coverage}"


def _recalled() -> set[tuple[str, str]]:
    every = (entitlement for edition in code_editions() for entitlement in edition.entitlements)
    return {(item.edition, item.entitlement_id) for item in every if item.confidence == "recalled"}


def make_report(wanted: ReportRequest, *, actor: Actor, form: str, reason: str | None = None) -> MadeReport:
    """Make the report and note who made it, with which parameters, and how many rows it has.

    The note is what `published_figures` goes by: from then on past years are loaded into the months of a report
    for outside only when that is asked for.
    `form` is the format it is made for, `reason` a code of why it leaves the service.
    """
    with transaction(actor) as session:
        with figures_session(
            session, statement_timeout=STATEMENT_TIMEOUT, known_until=wanted.as_at
        ) as reading:
            found = report.count_report_rows(
                reading,
                period=(wanted.started_from, wanted.started_to),
                as_at=wanted.as_at,
                by=wanted.by,
                area=current_settings().area,
            )
            history_loaded_at = report.last_history_load(reading)
        record_audit(
            session,
            REPORT_MADE,
            started_from=wanted.started_from.isoformat(),
            started_to=wanted.started_to.isoformat(),
            as_at=wanted.as_at.isoformat(),
            by=list(wanted.by),
            unsuppressed=wanted.unsuppressed,
            form=form,
            reason=reason,
            rows=len(found.rows),
        )
    rows = found.rows if wanted.unsuppressed else tuple(suppress_small_counts(found.rows, by=wanted.by))
    return MadeReport(wanted, rows, found.left_out, found.left_out_start, history_loaded_at)
