"""Rows of the police referral feed through the fields of the schemas, compiled once for each header."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from victim_gateway.feeds import cells
from victim_gateway.feeds.moments import read_date, read_moment
from victim_gateway.feeds.places import PlaceNames
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.referrals import ReferralRow, build_referral_row
from victim_gateway.feeds.rows import CellPlan, plan_cells

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
    "alias": _NAME,
    "ethnicity": _LINE,
    "phone_2": cells.read_phone,
    "phone_type": _LINE,
    "safe_number": cells.read_phone,
    "safe_number_whose": _LINE,
    "guardian_name": _NAME,
    "guardian_relationship": _LINE,
    "guardian_phone": cells.read_phone,
    "guardian_safe_to_contact": cells.choice_reader("yes", "no", "unknown"),
    "relationship_to_suspect": _LINE,
    "children_present": _YES_OR_NO,
    "repeat_victim": _YES_OR_NO,
    "asb_type": _LINE,
    "uprn": _LINE,
    "risk_assessment": cells.choice_reader("standard", "medium", "high"),
    "risk_assessed_at": read_moment,
    "withdrawn": _YES_OR_NO,
    "deceased": _YES_OR_NO,
}


def parse_referral_row(
    raw: Mapping[str, str],
    *,
    number: int,
    imported_at: datetime,
    places: PlaceNames,
    cells_given: tuple[str, ...] = (),
) -> Accepted[ReferralRow] | RejectedRow:
    """Read one row by its column names.

    `imported_at` is the moment of the import: nothing that a feed tells can have happened after it.
    `places` are the area's names of districts and forces. `cells_given` are the cells in file order, for the
    file of rows set aside.
    """
    return build_referral_row(
        raw, _plan(tuple(raw)), places, number=number, imported_at=imported_at, cells_given=cells_given
    )


@lru_cache(maxsize=64)
def _plan(header: tuple[str, ...]) -> CellPlan:
    return plan_cells(frozenset(header), COLUMN_READERS)
