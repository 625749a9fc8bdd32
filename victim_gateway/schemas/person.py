"""What may be known of a person, whoever sends it."""

from __future__ import annotations

from typing import Any

from marshmallow import post_load

from victim_gateway.feeds import cells, code_spellings
from victim_gateway.feeds.column_reader import NOTHING_IS_BLANK, ColumnReader, coded_column, yes_no_column
from victim_gateway.feeds.ethnicity import read_ethnicity
from victim_gateway.feeds.folding import PLACEHOLDERS, REFERENCE_BLANKS
from victim_gateway.feeds.moments import read_date, read_date_or_yes
from victim_gateway.feeds.names import read_name, split_title
from victim_gateway.feeds.phone_cells import read_phone
from victim_gateway.feeds.postcode_cells import read_postcode
from victim_gateway.schemas.cell_field import CellField, StrictSchema

_LINE = cells.line_reader(cells.LINE_LENGTH)


def name_field() -> CellField:
    """A person's name; a placeholder is refused where it must be said."""
    return CellField(ColumnReader(read_name, placeholders=NOTHING_IS_BLANK))


def line_field() -> CellField:
    """One line of text."""
    return CellField(ColumnReader(_LINE))


def note_field() -> CellField:
    """Text of several lines."""
    return CellField(ColumnReader(cells.note_reader(cells.NOTE_LENGTH)))


def phone_field() -> CellField:
    """A telephone number."""
    return CellField(ColumnReader(read_phone))


def address_field() -> CellField:
    """A line of a postal address; having no fixed abode is having none, and no error."""
    placeholders = PLACEHOLDERS | cells.NO_FIXED_ABODE
    return CellField(ColumnReader(cells.address_reader(cells.LINE_LENGTH), placeholders=placeholders))


def yes_no_field() -> CellField:
    """True or False."""
    return CellField(yes_no_column())


class PersonSchema(StrictSchema):
    """A person or a business as a door gives it; every value as text, blank or left out where not known."""

    victim_reference = CellField(
        ColumnReader(
            cells.said_placeholder_reader(cells.reference_reader(200)), placeholders=NOTHING_IS_BLANK
        )
    )
    title = CellField(ColumnReader(cells.line_reader(cells.NAME_LENGTH)))
    given_name = name_field()
    family_name = name_field()
    alias = name_field()
    date_of_birth = CellField(ColumnReader(read_date))
    sex = CellField(coded_column(code_spellings.SEX))
    ethnicity = CellField(ColumnReader(read_ethnicity))
    phone = phone_field()
    phone_2 = phone_field()
    phone_type = CellField(coded_column(code_spellings.PHONE_TYPE))
    email = CellField(ColumnReader(cells.read_email))
    address_line_1 = address_field()
    address_line_2 = line_field()
    town = line_field()
    postcode = CellField(ColumnReader(read_postcode))
    uprn = CellField(ColumnReader(cells.read_uprn, placeholders=REFERENCE_BLANKS))
    language = line_field()
    communication_needs = note_field()
    organisation_name = CellField(ColumnReader(cells.line_reader(cells.NAME_LENGTH)))
    organisation_contact = name_field()
    safe_number = phone_field()
    safe_number_whose = line_field()
    guardian_name = name_field()
    guardian_relationship = line_field()
    guardian_phone = phone_field()
    guardian_safe_to_contact = CellField(coded_column(code_spellings.SAFE_TO_CONTACT))
    deceased = CellField(
        coded_column(code_spellings.DECEASED, {"yes": True, "no": False}, otherwise=read_date_or_yes)
    )

    @post_load
    def move_title(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A title typed before the first name goes where titles stand."""
        title, rest = split_title(data.get("given_name") or "")
        if title is None:
            return data
        return {**data, "given_name": rest or None, "title": data.get("title") or title}
