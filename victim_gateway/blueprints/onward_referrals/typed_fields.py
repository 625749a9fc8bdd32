"""Fields that the forms of onward referrals share: words of one limit, one answer of several, ids that were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from victim_gateway.web.labels import SelectChoice

LONGEST = 5000
TEXT_LIMIT = Length(max=LONGEST, message=f"Shorten this to {LONGEST:,} characters")


def required_text(label: str, missing: str, *, description: str = "") -> TextAreaField:
    """Words that must be typed; `missing` is what is said where they are not."""
    return TextAreaField(label, [DataRequired(missing), TEXT_LIMIT], description=description)


def optional_text(label: str, *, description: str = "") -> TextAreaField:
    """Words that may be left out."""
    return TextAreaField(label, [TEXT_LIMIT], description=description)


def required_choice(
    label: str, choices: Sequence[SelectChoice] | Callable[[], list[SelectChoice]], missing: str
) -> RadioField:
    """One answer of several; `missing` is what is said where none was chosen."""
    return RadioField(label, choices=choices, validators=[InputRequired(missing)])


def read_row_id(value: str | None) -> UUID | None:
    """The row that was chosen; None for none, and for what no form of ours sends."""
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


def read_row_ids(values: Iterable[str]) -> list[UUID]:
    """The rows that were chosen; what no form of ours sends is left out."""
    return [found for value in values if (found := read_row_id(value))]
