"""What may be known of a referral, whoever sends it. The person stands in a schema of their own."""

from __future__ import annotations

from dataclasses import replace

from victim_gateway.feeds import cells, code_spellings
from victim_gateway.feeds.column_reader import NOTHING_IS_BLANK, ColumnReader, coded_column
from victim_gateway.feeds.folding import CODE_PLACEHOLDERS, PLACEHOLDERS, REFERENCE_BLANKS
from victim_gateway.feeds.hate_strand import read_hate_strand
from victim_gateway.feeds.moments import read_moment
from victim_gateway.feeds.offence_codes import read_offence_code
from victim_gateway.schemas.cell_field import CellField, StrictSchema
from victim_gateway.schemas.person import line_field, note_field, yes_no_field

# Any words may stand here, so that what stands for a missing answer is as blank as in other free text.
_ASB_TYPE = replace(
    coded_column(code_spellings.ASB_TYPE, otherwise=cells.line_reader(cells.LINE_LENGTH)),
    placeholders=PLACEHOLDERS,
)


def reference_field(*, required: bool = False) -> CellField:
    """A reference of the force: exactly as given."""
    return CellField(
        ColumnReader(cells.reference_reader(200), placeholders=REFERENCE_BLANKS), required=required
    )


def moment_field(*, required: bool = False) -> CellField:
    """A date with or without a time of day."""
    return CellField(ColumnReader(read_moment), required=required)


class ReferralSchema(StrictSchema):
    """A referral as a door gives it; every value as text, blank or left out where not known."""

    feed_reference = reference_field(required=True)
    force = line_field()
    crime_number = reference_field()
    incident_number = reference_field()
    recorded_as = CellField(coded_column(code_spellings.RECORDED_AS))
    offence = CellField(ColumnReader(cells.line_reader(cells.LINE_LENGTH)), required=True)
    offence_code = CellField(ColumnReader(read_offence_code, placeholders=REFERENCE_BLANKS))
    occurred_from = moment_field()
    occurred_to = moment_field()
    reported_at = moment_field(required=True)
    transferred_at = moment_field()
    # no word is blank here: whatever stands in it and is no district of the area is said
    district = CellField(ColumnReader(cells.line_reader(cells.LINE_LENGTH), placeholders=NOTHING_IS_BLANK))
    lsoa_code = line_field()
    location = note_field()
    victim_type = CellField(coded_column(code_spellings.VICTIM_TYPE))
    preferred_contact = CellField(coded_column(code_spellings.PREFERRED_CONTACT))
    safe_to_contact = CellField(coded_column(code_spellings.SAFE_TO_CONTACT))
    safe_contact_note = note_field()
    interpreter_needed = yes_no_field()
    consent_to_referral = CellField(coded_column(code_spellings.CONSENT))
    vulnerable = yes_no_field()
    intimidated = yes_no_field()
    persistently_targeted = yes_no_field()
    serious_crime = yes_no_field()
    domestic_abuse = yes_no_field()
    hate_strand = CellField(ColumnReader(read_hate_strand, placeholders=CODE_PLACEHOLDERS))
    relationship_to_suspect = line_field()
    children_present = yes_no_field()
    repeat_victim = yes_no_field()
    asb_type = CellField(_ASB_TYPE)
    risk_assessment = CellField(coded_column(code_spellings.RISK_ASSESSMENT))
    risk_assessed_at = moment_field()
    officer_name = CellField(ColumnReader(cells.line_reader(cells.NAME_LENGTH)))
    officer_email = CellField(ColumnReader(cells.read_email))
    withdrawn = yes_no_field()
    acknowledged_at = moment_field()
    outcome = note_field()
    outcome_at = moment_field()
