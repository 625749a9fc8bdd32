"""The field of a form for each recorded column, with one set of rules: for corrections, and for one value alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Email, Optional

from victim_gateway.database.kept_wordings import current_wordings, offered_entries_of
from victim_gateway.feeds.moments import read_date
from victim_gateway.feeds.problems import CellError
from victim_gateway.rules.kept_lists import HARM_ORDER, HARMS
from victim_gateway.rules.recorded_fields import (
    RECORDED_FIELDS,
    FieldKind,
    RecordedField,
    display_value,
    recorded_day,
)
from victim_gateway.vocabulary import Harm
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.filters import long_date
from victim_gateway.web.labels import SelectChoice, entry_choice, label_of
from victim_gateway.web.validators import full_postcode, phone_number

_YES_OR_NO = (("yes", "Yes"), ("no", "No"))
_UNKNOWN = ("", "Not known")
_NOT_RECORDED = ("", "Not recorded")
_VALIDATORS: Mapping[FieldKind, tuple[Any, ...]] = {
    FieldKind.LINE: (),
    FieldKind.PHONE: (phone_number,),
    FieldKind.EMAIL: (Optional(), Email("Enter an email address, like name@example.com")),
    FieldKind.POSTCODE: (full_postcode,),
}
_ANSWERS_READ = {
    "yes": "yes",
    "y": "yes",
    "true": "yes",
    "1": "yes",
    "no": "no",
    "n": "no",
    "false": "no",
    "0": "no",
}
HARM_GROUPS = {
    Harm.EXPLOITATION.value: "Used or controlled by others",
    Harm.VIOLENCE.value: "Violence, hate and the road",
    Harm.BURGLARY_AND_THEFT.value: "Home, money and belongings",
    Harm.OTHER.value: "None of these",
}
HARM_HINTS = {
    Harm.DOMESTIC_ABUSE.value: "By a partner, an ex-partner or family: violence, threats, control of money or friends",
    Harm.SEXUAL_ABUSE.value: "Rape, assault, images, now or long ago",
    Harm.HARMFUL_SEXUAL_BEHAVIOUR.value: "By another child or young person",
    Harm.FEMALE_GENITAL_MUTILATION.value: "Done, planned or feared",
    Harm.EXPLOITATION.value: "A child or adult used for sex, drugs or crime: county lines, cuckooing, going missing",
    Harm.MODERN_SLAVERY.value: "Forced work, trafficking",
    Harm.VIOLENCE.value: "Assault, robbery with force, threats, stalking, a death",
    Harm.HATE_CRIME.value: "Because of who the person is",
    Harm.ROAD_CRIME.value: "A death or injury on the road",
    Harm.FRAUD_AND_CYBER.value: "Scams, hacking, identity theft",
    Harm.RURAL_CRIME.value: "Farms, animals, machines, wildlife",
    Harm.OTHER.value: "For example, criminal damage",
}
HATE_STRANDS = ("disability", "race", "religion", "sexual orientation", "transgender", "other")
OUTSIDE_AREA = "Outside the area"
NO_DISTRICT = SelectChoice("", "Not known, or outside the area")


def value_field(field: RecordedField, *, label: str | None = None, description: str = "") -> Any:
    """The unbound field that takes a column's value."""
    named = label or field.label
    if field.kind is FieldKind.DATE:
        return GovDateField(named, what=named, not_future=True, description=description)
    if field.kind is FieldKind.DISTRICT:
        return SelectField(named, description=description)
    if field.kind is FieldKind.HARMS:
        return SelectMultipleField(named, choices=harm_choices, description=description)
    if field.kind is FieldKind.NOTE:
        return TextAreaField(named, description=description)
    if field.kind in _VALIDATORS:
        return StringField(named, list(_VALIDATORS[field.kind]), description=description)
    # Yes or no has no third answer: a page that asks it alone begins with nothing chosen.
    none = {FieldKind.YES_NO: (), FieldKind.YES_NO_UNKNOWN: (_UNKNOWN,)}.get(field.kind, (_NOT_RECORDED,))
    choices = _listed((*(field.choices or _YES_OR_NO), *none))
    return OptionalRadioField(named, choices=choices, default="" if none else None, description=description)


def harm_choices() -> list[SelectChoice]:
    """The harms in the order of the form, each with its label; HARM_GROUPS says what stands before which."""
    return [SelectChoice(harm.value, label_of(harm)) for harm in HARM_ORDER]


def offered_harms() -> list[SelectChoice]:
    """The harms for a new referral; an entry that stands for another one follows it."""
    return [entry_choice(entry, Harm) for entry in offered_entries_of(HARMS)]


def read_harms(codes: Collection[str]) -> tuple[frozenset[Harm], tuple[str, ...]]:
    """The harms that chosen entries stand for, and the wordings of those that say more than their harm."""
    entries = {entry.code: entry for entry in offered_entries_of(HARMS)}
    chosen = [entries[code] for code in codes if code in entries]
    return (
        frozenset(Harm(entry.stands_for or entry.code) for entry in chosen),
        tuple(entry.label for entry in chosen if entry.stands_for),
    )


def harm_groups() -> Mapping[str, str]:
    """What stands before which harm in the form; nothing where administrators have put them in another order."""
    return {} if current_wordings().is_moved(HARMS) else HARM_GROUPS


def residence_choices(districts: tuple[str, ...]) -> list[SelectChoice]:
    """Where a person may live: not known, a district of the area, or outside of it."""
    return [
        SelectChoice("", "Not known"),
        *(SelectChoice(name, name) for name in districts),
        SelectChoice(OUTSIDE_AREA, OUTSIDE_AREA),
    ]


def hate_choices(none: str) -> list[SelectChoice]:
    """The strands of hate crime, and `none` of them."""
    return [
        SelectChoice("", none),
        *(SelectChoice(strand, strand.capitalize()) for strand in HATE_STRANDS),
    ]


def district_choices(districts: tuple[str, ...]) -> list[SelectChoice]:
    """The area's districts, and none of them."""
    return [NO_DISTRICT, *(SelectChoice(name, name) for name in districts)]


def form_value(field: RecordedField, recorded: Any) -> Any:
    """A recorded value as the form's field takes it."""
    if field.kind is FieldKind.DATE:
        return recorded_day(recorded) if recorded else None
    if isinstance(recorded, bool):
        return "yes" if recorded else "no"
    return recorded or ("" if field.kind is not FieldKind.YES_NO else None)


def recorded_text(column: str, recorded: Any) -> str | None:
    """A recorded value as a page says it, a day in full; None where nothing is recorded."""
    if recorded and RECORDED_FIELDS[column].kind is FieldKind.DATE:
        return long_date(recorded_day(recorded))
    return display_value(column, recorded)


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
