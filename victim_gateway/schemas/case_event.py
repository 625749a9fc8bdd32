"""What may be known of an event of a case, whoever sends it."""

from __future__ import annotations

from victim_gateway.feeds import cells
from victim_gateway.feeds.column_reader import ColumnReader
from victim_gateway.feeds.folding import REFERENCE_BLANKS, fold_code
from victim_gateway.schemas.cell_field import CellField, StrictSchema
from victim_gateway.schemas.person import line_field, note_field
from victim_gateway.schemas.referral import moment_field, reference_field

_read_key = cells.exact_line_reader(200)


def _read_code(text: str) -> str:
    """An event's name or a subject as it is compared: `Suspect Arrested` is `suspect_arrested`."""
    _read_key(text)
    return fold_code(text)


class CaseEventSchema(StrictSchema):
    """An event as a door gives it; every value as text."""

    feed_reference = reference_field(required=True)
    event = CellField(ColumnReader(_read_code), required=True)
    occurred_at = moment_field(required=True)
    recorded_at = moment_field()
    source = line_field()
    note = note_field()
    subject = CellField(ColumnReader(_read_code, placeholders=REFERENCE_BLANKS))
