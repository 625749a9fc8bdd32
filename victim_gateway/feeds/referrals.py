"""The typed row of the police referral feed, version 1, and how it is put together from cells that were read.

A row is set aside when a required value is missing or can't be used, when the report lies in the future,
when a note on safe contact can't be kept whole, or when it holds a NUL character. Anything else that can't
be used is left empty, kept in `raw` as given, named in `unread`, and listed as a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from victim_gateway import times
from victim_gateway.feeds.chronology import check_chronology
from victim_gateway.feeds.columns import MOMENT_COLUMNS, REQUIRED
from victim_gateway.feeds.folding import fold_code
from victim_gateway.feeds.moments import Moment
from victim_gateway.feeds.names import check_names
from victim_gateway.feeds.places import PlaceNames
from victim_gateway.feeds.problems import (
    IMPOSSIBLE,
    NO_CRIME_OR_INCIDENT,
    NOT_IN_AREA,
    SAME_PERSON,
    Accepted,
    RejectedRow,
)
from victim_gateway.feeds.rows import CellPlan, CellsRead, read_cells, reasons_to_set_aside

# Without these the row must not go on: the first three by contract, the note because half of it, or none,
# could lead to a contact that isn't safe.
_NOTHING_MAY_BE_LOST = frozenset(REQUIRED) | {"safe_contact_note"}
NOTHING_UNREAD: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """A usable row. Moments are aware and in UTC; what was blank or couldn't be used is None.

    `raw` are the cells as given, by column. `columns` are the known columns that the file has: one that is
    not among them says nothing. `unread` are those whose cell holds something that could not be used.
    """

    number: int
    raw: Mapping[str, str]
    columns: frozenset[str]
    unread: frozenset[str]
    feed_reference: str
    offence: str
    reported_at: datetime
    force: str | None
    crime_number: str | None
    incident_number: str | None
    recorded_as: str | None
    offence_code: str | None
    occurred_from: datetime | None
    occurred_to: datetime | None
    transferred_at: datetime | None
    district: str | None
    lsoa_code: str | None
    location: str | None
    victim_type: str | None
    victim_reference: str | None
    title: str | None
    given_name: str | None
    family_name: str | None
    alias: str | None
    date_of_birth: date | None
    sex: str | None
    ethnicity: str | None
    phone: str | None
    email: str | None
    address_line_1: str | None
    address_line_2: str | None
    town: str | None
    postcode: str | None
    phone_2: str | None
    phone_type: str | None
    safe_number: str | None
    safe_number_whose: str | None
    preferred_contact: str | None
    safe_to_contact: str | None
    safe_contact_note: str | None
    language: str | None
    interpreter_needed: bool | None
    communication_needs: str | None
    organisation_name: str | None
    organisation_contact: str | None
    guardian_name: str | None
    guardian_relationship: str | None
    guardian_phone: str | None
    guardian_safe_to_contact: str | None
    consent_to_referral: str | None
    vulnerable: bool | None
    intimidated: bool | None
    persistently_targeted: bool | None
    serious_crime: bool | None
    domestic_abuse: bool | None
    hate_strand: str | None
    relationship_to_suspect: str | None
    children_present: bool | None
    repeat_victim: bool | None
    asb_type: str | None
    uprn: str | None
    risk_assessment: str | None
    risk_assessed_at: datetime | None
    officer_name: str | None
    officer_email: str | None
    withdrawn: bool | None
    deceased: bool | None
    acknowledged_at: datetime | None
    outcome: str | None
    outcome_at: datetime | None


def build_referral_row(
    raw: Mapping[str, str],
    plan: CellPlan,
    places: PlaceNames,
    *,
    number: int,
    imported_at: datetime,
    cells_given: tuple[str, ...] = (),
) -> Accepted[ReferralRow] | RejectedRow:
    """Read the cells of one row as its file's plan says and check them against each other."""
    read = read_cells(raw, plan)
    check_names(read)
    _check_places(read, places)
    check_chronology(read, imported_at)
    _check_other_people(read)
    _check_age(read, raw)
    _check_references(read, plan)
    reasons = reasons_to_set_aside(read, raw, required=REQUIRED, must_be_whole=_NOTHING_MAY_BE_LOST)
    if reasons:
        return RejectedRow(number, raw, cells_given, reasons)
    values = read.values
    for column in MOMENT_COLUMNS:
        moment: Moment | None = values[column]
        if moment is not None:
            values[column] = moment.at
    unread = frozenset([problem.column for problem in read.lost]) if read.lost else NOTHING_UNREAD
    row = ReferralRow(number=number, raw=raw, columns=plan.columns, unread=unread, **values)
    return Accepted(row, (*read.lost, *read.warnings))


def _check_places(read: CellsRead, places: PlaceNames) -> None:
    """Give district and force the spelling of the area profile; a district of another area is left empty."""
    district: str | None = read.values["district"]
    if district is not None and (name := places.district(district)) != district:
        if name is None:
            read.reject_cell("district", NOT_IN_AREA, "is not a district of this area; left empty in figures")
        else:
            read.values["district"] = name
    force: str | None = read.values["force"]
    if force is not None:
        # A force from elsewhere may send too, and a reference belongs to the force that gave it.
        read.values["force"] = places.force(force) or force


def _check_other_people(read: CellsRead) -> None:
    """Say when another person of the row may stand in the victim's place: a call may reach the wrong one."""
    values = read.values
    number, contact = values["guardian_phone"], values["organisation_contact"]
    if number is not None and number == values["phone"]:
        read.warn("phone", SAME_PERSON, "is also the number of the guardian; check whose it is")
    if contact is None or values["victim_type"] == "business":
        return
    name = " ".join(part for part in (values["given_name"], values["family_name"]) if part)
    if fold_code(contact) == fold_code(name):
        message = "names the victim too; check who was harmed and who only reported it"
        read.warn("organisation_contact", SAME_PERSON, message)


def _check_age(read: CellsRead, raw: Mapping[str, str]) -> None:
    """Say when an age, which is no column of this feed, contradicts the birth date beside it."""
    age = raw.get("age", "").strip()
    born, reported = read.values["date_of_birth"], read.values["reported_at"]
    if born is None or reported is None or not (age.isdecimal() and len(age) < 4):
        return
    if abs(times.age_on(born, times.london_date(reported.at)) - int(age)) > 1:
        read.warn(
            "date_of_birth", IMPOSSIBLE, "does not go with the age in the row; check both (kept as given)"
        )


def _check_references(read: CellsRead, plan: CellPlan) -> None:
    """Say when a row is tied to no crime and no incident, though the file has columns for both."""
    references = ("crime_number", "incident_number")
    if plan.columns.issuperset(references) and not any(read.values[column] for column in references):
        message = "and incident_number are blank; give one of them, so that the police can be asked"
        read.warn("crime_number", NO_CRIME_OR_INCIDENT, message)
