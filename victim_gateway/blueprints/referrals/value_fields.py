"""The field of a form for each recorded column, with one set of rules: for corrections, and for one value alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Email, Optional

from victim_gateway.feeds.moments import read_date
from victim_gateway.feeds.problems import CellError
from victim_gateway.rules.recorded_fields import FieldKind, RecordedField
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.validators import full_postcode, phone_number

_YES_OR_NO = (("yes", "Yes"), ("no", "No"))
_UNKNOWN = ("", "Not known")
_ANSWERS_READ = {"yes": "yes", "y": "yes", "true": "yes", "1": "yes", "no": "no", "n": "no", "false": "no", "0": "no"}
NO_DISTRICT = SelectChoice("", "Not known, or outside the area")


def value_field(
    field: RecordedField, *, label: str | None = None, description: str = "", required: str | None = None
) -> Any:
    """The unbound field that takes a column's value. `required`: the message where none is given."""
    named = label or field.label
    match field.kind:
        case FieldKind.DATE:
            return GovDateField(named, what=named, not_future=True, required=required, description=description)
        case FieldKind.YES_NO:
            return OptionalRadioField(named, choices=_listed(_YES_OR_NO), description=description)
        case FieldKind.YES_NO_UNKNOWN:
            return OptionalRadioField(
                named, choices=_listed((*_YES_OR_NO, _UNKNOWN)), default="", description=description
            )
        case FieldKind.CHOICE:
            choices = _listed((*field.choices, ("", "Not recorded")))
            return OptionalRadioField(named, choices=choices, default="", description=description)
        case FieldKind.DISTRICT:
            return SelectField(named, description=description)
        case FieldKind.PHONE:
            return StringField(named, [phone_number], description=description)
        case FieldKind.EMAIL:
            message = "Enter an email address, like name@example.com"
            return StringField(named, [Optional(), Email(message)], description=description)
        case FieldKind.POSTCODE:
            return StringField(named, [full_postcode], description=description)
        case FieldKind.NOTE:
            return TextAreaField(named, description=description)
        case FieldKind.LINE:
            return StringField(named, description=description)


def district_choices(districts: tuple[str, ...]) -> list[SelectChoice]:
    """The area's districts, and none of them."""
    return [NO_DISTRICT, *(SelectChoice(name, name) for name in districts)]


def form_value(field: RecordedField, recorded: Any) -> Any:
    """A recorded value as the form's field takes it."""
    if field.kind is FieldKind.DATE:
        # A moment is kept whole; the form asks for its day.
        return date.fromisoformat(str(recorded)[:10]) if recorded else None
    if isinstance(recorded, bool):
        return "yes" if recorded else "no"
    return recorded or ("" if field.kind is not FieldKind.YES_NO else None)


def stored_value(field: RecordedField, typed: Any) -> Any:
    """What was typed as it is kept; None for nothing."""
    if field.kind is FieldKind.DATE:
        return typed.isoformat() if isinstance(typed, date) else None
    if field.kind in (FieldKind.YES_NO, FieldKind.YES_NO_UNKNOWN):
        return {"yes": True, "no": False}.get(typed)
    return typed or None


def suggested_value(field: RecordedField, text: str) -> Any:
    """What a value as the force gave it plainly says, for the field to begin with; None where it does not.

    A protective or unreadable answer begins empty: a tired click must not turn a guess into an answer.
    """
    folded = text.strip().casefold()
    if field.kind is FieldKind.DATE:
        try:
            return read_date(text.strip())
        except CellError:
            return None
    if field.kind in (FieldKind.YES_NO, FieldKind.YES_NO_UNKNOWN):
        return _ANSWERS_READ.get(folded)
    if field.kind in (FieldKind.CHOICE, FieldKind.DISTRICT):
        return next((value for value, _ in field.choices if value.casefold() == folded), None)
    return text.strip()


def _listed(pairs: tuple[tuple[str, str], ...]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]
