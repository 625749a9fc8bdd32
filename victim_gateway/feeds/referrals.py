"""Parse rows of the police referral feed, version 1, into typed rows and warnings.

A row is set aside when a required value is missing or can't be used, when the report lies in the future,
when a note on safe contact can't be kept whole, or when it holds a NUL character. Anything else that can't
be used is left empty, kept in `raw` as given, and listed as a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from victim_gateway.feeds import cells
from victim_gateway.feeds.chronology import check_chronology
from victim_gateway.feeds.moments import Moment, read_date, read_moment
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.reading import FeedFormat
from victim_gateway.feeds.rows import read_cells, reasons_to_set_aside

_NAME = cells.line_reader(cells.NAME_LENGTH)
_LINE = cells.line_reader(cells.LINE_LENGTH)
_NOTE = cells.note_reader(cells.NOTE_LENGTH)
_KEY = cells.exact_line_reader(200)
_YES_OR_NO = cells.yes_no_reader()

COLUMN_READERS: Mapping[str, cells.CellReader] = {
    "feed_reference": _KEY,
    "force": _LINE,
    "crime_number": _LINE,
    "incident_number": _LINE,
    "recorded_as": cells.choice_reader("crime", "asb", "non_crime"),
    "offence": _LINE,
    "offence_code": _LINE,
    "occurred_from": read_moment,
    "occurred_to": read_moment,
    "reported_at": read_moment,
    "transferred_at": read_moment,
    "district": _LINE,
    "lsoa_code": _LINE,
    "location": _NOTE,
    "victim_type": cells.choice_reader("person", "business", "bereaved_relative", "parent_or_guardian"),
    "victim_reference": _KEY,
    "title": _NAME,
    "given_name": _NAME,
    "family_name": _NAME,
    "date_of_birth": read_date,
    "sex": cells.choice_reader("F", "M", "X", "U"),
    "phone": cells.read_phone,
    "email": cells.read_email,
    "address_line_1": _LINE,
    "address_line_2": _LINE,
    "town": _LINE,
    "postcode": cells.read_postcode,
    "preferred_contact": cells.choice_reader("phone", "sms", "email", "post", "none"),
    "safe_to_contact": cells.choice_reader("yes", "no", "unknown"),
    "safe_contact_note": _NOTE,
    "language": _LINE,
    "interpreter_needed": _YES_OR_NO,
    "communication_needs": _NOTE,
    "organisation_name": _NAME,
    "organisation_contact": _NAME,
    "consent_to_referral": cells.choice_reader("yes", "no", "not_asked"),
    "vulnerable": _YES_OR_NO,
    "intimidated": _YES_OR_NO,
    "persistently_targeted": _YES_OR_NO,
    "serious_crime": _YES_OR_NO,
    "domestic_abuse": _YES_OR_NO,
    "hate_strand": cells.read_hate_strand,
    "officer_name": _NAME,
    "officer_email": cells.read_email,
    "acknowledged_at": read_moment,
    "outcome": _NOTE,
    "outcome_at": read_moment,
}
REQUIRED = {
    "feed_reference": "give the reference by which the force will know this referral again",
    "offence": "give the offence in words",
    "reported_at": "give when it was reported, as 2018-10-28T18:39 or 28/10/2018 18:39",
}
REFERRAL_FEED = FeedFormat("police referral feed", tuple(COLUMN_READERS), tuple(REQUIRED))

# Without these the row must not go on: the first three by contract, the note because half of it, or none,
# could lead to a contact that isn't safe.
_NOTHING_MAY_BE_LOST = frozenset(REQUIRED) | {"safe_contact_note"}


@dataclass(frozen=True, slots=True)
class ReferralRow:
    """A usable row. Moments are aware and in UTC; what was blank or couldn't be used is None."""

    number: int
    raw: Mapping[str, str]
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
    date_of_birth: date | None
    sex: str | None
    phone: str | None
    email: str | None
    address_line_1: str | None
    address_line_2: str | None
    town: str | None
    postcode: str | None
    preferred_contact: str | None
    safe_to_contact: str | None
    safe_contact_note: str | None
    language: str | None
    interpreter_needed: bool | None
    communication_needs: str | None
    organisation_name: str | None
    organisation_contact: str | None
    consent_to_referral: str | None
    vulnerable: bool | None
    intimidated: bool | None
    persistently_targeted: bool | None
    serious_crime: bool | None
    domestic_abuse: bool | None
    hate_strand: str | None
    officer_name: str | None
    officer_email: str | None
    acknowledged_at: datetime | None
    outcome: str | None
    outcome_at: datetime | None


def parse_referral_row(
    raw: Mapping[str, str], *, number: int, imported_at: datetime, cells_given: tuple[str, ...] = ()
) -> Accepted[ReferralRow] | RejectedRow:
    """Read one row by its column names; a column that is absent is as good as blank.

    `imported_at` is the moment of the import: nothing that a feed tells can have happened after it.
    `cells_given` are the cells in file order, for the file of rows set aside.
    """
    read = read_cells(raw, COLUMN_READERS)
    check_chronology(read, imported_at)
    reasons = reasons_to_set_aside(read, raw, required=REQUIRED, must_be_whole=_NOTHING_MAY_BE_LOST)
    if reasons:
        return RejectedRow(number, raw, cells_given, reasons)
    values: dict[str, Any] = {
        column: value.at if isinstance(value, Moment) else value for column, value in read.values.items()
    }
    return Accepted(ReferralRow(number=number, raw=raw, **values), tuple(read.lost + read.mended))
