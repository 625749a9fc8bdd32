"""The filters of the compliance pages, and the form for a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum

from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField
from wtforms.validators import DataRequired, ValidationError

from victim_gateway import times
from victim_gateway.blueprints.compliance.totals import OWNERS, Duties, right_label, right_order
from victim_gateway.compliance.editions import LOCAL, Entitlement
from victim_gateway.queries.compliance.figures import ClockFilter, DutyCount
from victim_gateway.reporting.tables import BY_COLUMNS
from victim_gateway.services.compliance.published_figures import INSIDE_THE_SERVICE
from victim_gateway.services.compliance.report import FORMATS
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.list_pages import QueryForm

_MOST_COLUMNS = 2
YES_NO = (("yes", "Yes"), ("no", "No"))
FORMAT_LABELS = {
    "csv": "CSV, for any spreadsheet or program",
    "xlsx": "Excel workbook (XLSX), with a cover sheet",
    "ods": "OpenDocument spreadsheet (ODS), with a cover sheet",
    "json": "JSON, for programs",
}
BREAKDOWN_LABELS = {
    "district": "District",
    "crime_type": "Crime type",
    "owner": "Owner",
    "enhanced": "Enhanced rights",
    "force": "Force",
    "provider": "Provider",
    "month": "Month",
    "under_18": "Under 18 at the offence",
}


class ReportReason(StrEnum):
    """Why figures leave the service; kept in the audit."""

    RETURN = "return"
    PARTNERS = "partners"
    OWN_WORK = INSIDE_THE_SERVICE


REASON_LABELS = {
    ReportReason.RETURN: "A return that we owe",
    ReportReason.PARTNERS: "A meeting with partners",
    ReportReason.OWN_WORK: "Work inside the Gateway",
}


class PeriodForm(QueryForm):
    """The period in which clocks started, and the day as at which they are read."""

    started_from = GovDateField("Started from", what="The first day")
    started_to = GovDateField("Started to", what="The last day")
    known_on = GovDateField("As known at the end of", what="The day", not_future=True)

    def validate_started_to(self, field: GovDateField) -> None:
        """Refuse an end before the start instead of swapping them, which would answer another question."""
        if field.data and self.started_from.data and field.data < self.started_from.data:
            raise ValidationError("The last day must be the same as or after the first day")

    def chosen_period(self, today: date) -> tuple[date, date]:
        """The chosen period; by default the twelve months up to today, including this one."""
        last = self.started_to.data or today
        first = self.started_from.data or date(last.year - (last.month < 12), last.month % 12 + 1, 1)
        return min(first, last), last

    def as_at(self, today: date) -> datetime | None:
        """The end of the chosen London day; None for now."""
        day: date | None = self.known_on.data
        return None if day is None or day >= today else end_of(day, times.now())


def end_of(day: date | None, now: datetime) -> datetime:
    """The last moment of a London day, in UTC; `now` for none and for a day that has not ended."""
    if day is None or day >= times.london_date(now):
        return now
    return datetime.combine(day, time.max, times.LONDON).astimezone(UTC)


class FilterForm(PeriodForm):
    """Filters of clocks by duty, place and crime."""

    edition = SelectField("Standard", choices=[], validate_choice=True)
    right = SelectField("Right", choices=[])
    owner = SelectField("Owner", choices=[])
    district = SelectField("District", choices=[])
    crime_type = SelectField("Crime type", choices=[])
    enhanced = SelectField("Enhanced rights", choices=[SelectChoice(*pair) for pair in YES_NO])

    def __init__(self, duties: Duties, districts: Sequence[str], crime_types: Sequence[str]) -> None:
        self._duties, self._districts, self._crime_types = duties, districts, crime_types
        super().__init__()

    def validate(self, extra_validators: object = None) -> bool:
        """Set the choices from the data before the chosen ones are checked."""
        every = self._duties.values()
        self.edition.choices = [
            SelectChoice("code", "Victims' Code"),
            SelectChoice("local", "Our own standards"),
        ]
        rights = sorted({duty.right for duty in every if duty.right != "local"}, key=right_order)
        self.right.choices = [SelectChoice(right, right_label(right)) for right in rights]
        owners = sorted({duty.owner for duty in every})
        self.owner.choices = [SelectChoice(owner, OWNERS.get(owner, owner)) for owner in owners]
        self.district.choices = [SelectChoice(name, name) for name in self._districts]
        self.crime_type.choices = [SelectChoice(name, name) for name in self._crime_types]
        return bool(super().validate(extra_validators))

    def clock_filter(self, today: date) -> ClockFilter:
        """The part of the filter that the database applies."""
        return ClockFilter(
            *self.chosen_period(today), self.district.data or None, self.crime_type.data or None
        )

    def includes_duty(self, cell: DutyCount, duty: Entitlement) -> bool:
        """Whether a cell is of the chosen standard, Right, owner and enhanced rights."""
        wanted = (
            (self.edition.data, LOCAL if duty.edition == LOCAL else "code"),
            (self.right.data, duty.right),
            (self.owner.data, duty.owner),
            (self.enhanced.data, "yes" if cell.enhanced else "no"),
        )
        return all(not choice or choice == value for choice, value in wanted)


class ReportForm(BaseForm):
    """A report to be taken out of the service."""

    started_from = GovDateField(
        "Started from", what="The first day", required="Enter the first day of the period"
    )
    started_to = GovDateField("Started to", what="The last day", required="Enter the last day of the period")
    known_on = GovDateField("As known at the end of (optional)", what="The day", not_future=True)
    by = SelectMultipleField(
        "Split the rows by", choices=[SelectChoice(name, BREAKDOWN_LABELS[name]) for name in BY_COLUMNS]
    )

    def validate_by(self, field: SelectMultipleField) -> None:
        """Refuse too many columns: suppression takes minutes where three make tens of thousands of rows."""
        if not self.unsuppressed.data and len(field.data or ()) > _MOST_COLUMNS:
            raise ValidationError(f"Choose at most {_MOST_COLUMNS} columns, or ask for plain counts")

    file_format = RadioField(
        "Kind of file",
        choices=[SelectChoice(name, FORMAT_LABELS[name]) for name in FORMATS],
        validators=[DataRequired("Choose the kind of file")],
    )
    reason = RadioField(
        "What is it for?",
        choices=[SelectChoice(reason.value, label) for reason, label in REASON_LABELS.items()],
        validators=[DataRequired("Choose what the report is for")],
    )
    unsuppressed = BooleanField(
        "Show plain counts, small numbers too. The file must stay inside the service."
    )
