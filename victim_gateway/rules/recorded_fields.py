"""The columns of a referral that a person can put right: what each is called, what it holds, and where it is kept.

One table for the corrections form, for values that could not be read, for what the force sends beside ours,
and for the timeline. A column that is not in it is only shown, and can only be left empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum, auto

from victim_gateway import times
from victim_gateway.rules.harms import phrase_offence
from victim_gateway.rules.victim_kinds import VICTIM_KINDS
from victim_gateway.vocabulary import PROTECTIVE_COLUMNS, Harm


class FieldKind(StrEnum):
    """What a column holds, and so which field of a form takes it."""

    LINE = "line"
    NOTE = "note"
    PHONE = "phone"
    EMAIL = "email"
    POSTCODE = "postcode"
    DATE = "date"
    YES_NO = "yes_no"
    """Yes or no; not known is stored as no."""
    YES_NO_UNKNOWN = "yes_no_unknown"
    """Yes, no, or not known, which stores nothing."""
    CHOICE = "choice"
    DISTRICT = "district"
    HARMS = "harms"
    """A list of harms, by their values."""


class FieldPlace(Enum):
    """Where a value is kept, and so which action records it."""

    PERSON = auto()
    """The person's sealed document: it counts for every referral of theirs."""
    REFERRAL = auto()
    """A plain column of the referral."""
    DOCUMENT = auto()
    """The referral's sealed document."""
    SAFE_CONTACT = auto()
    """The safe-contact plan, which has an action of its own."""
    CONSENT = auto()
    """The person's answers about consent, which have an action of their own."""


@dataclass(frozen=True, slots=True)
class RecordedField:
    """One column. `choices` are values with their labels, for the kind CHOICE."""

    column: str
    label: str
    kind: FieldKind
    place: FieldPlace
    choices: tuple[tuple[str, str], ...] = ()


def _fields(place: FieldPlace, kind: FieldKind, **labels: str) -> dict[str, RecordedField]:
    return {column: RecordedField(column, label, kind, place) for column, label in labels.items()}


def _choice(
    place: FieldPlace, column: str, label: str, *choices: tuple[str, str]
) -> dict[str, RecordedField]:
    return {column: RecordedField(column, label, FieldKind.CHOICE, place, choices)}


_SAFE = (("yes", "Safe"), ("no", "Not safe"), ("unknown", "Not known to be safe"))

RECORDED_FIELDS: Mapping[str, RecordedField] = {
    **_fields(
        FieldPlace.PERSON,
        FieldKind.LINE,
        title="Title",
        given_name="First name",
        family_name="Last name",
        alias="Also known as",
        ethnicity="Ethnicity, as they describe it",
        phone_type="Kind of phone",
        address_line_1="Address line 1",
        address_line_2="Address line 2",
        town="Town or city",
        language="Language",
        communication_needs="Help with communication",
        organisation_name="Name of the business",
        organisation_contact="Who to speak to in the business",
        safe_number_whose="Whose the safe number is",
        guardian_name="Safe adult",
        guardian_relationship="Safe adult's relationship to the person",
        uprn="Property reference",
    ),
    **_fields(
        FieldPlace.PERSON,
        FieldKind.PHONE,
        phone="Phone number",
        phone_2="Second phone number",
        safe_number="Number of a safe person",
        guardian_phone="Safe adult's phone number",
    ),
    **_fields(FieldPlace.PERSON, FieldKind.EMAIL, email="Email address"),
    **_fields(FieldPlace.PERSON, FieldKind.POSTCODE, postcode="Postcode"),
    **_fields(FieldPlace.PERSON, FieldKind.DATE, date_of_birth="Date of birth"),
    **_fields(FieldPlace.PERSON, FieldKind.YES_NO, deceased="Whether the person has died"),
    **_choice(
        FieldPlace.PERSON, "sex", "Sex", ("F", "Female"), ("M", "Male"), ("X", "Another"), ("U", "Not known")
    ),
    **_choice(
        FieldPlace.PERSON, "guardian_safe_to_contact", "Whether the safe adult is safe to contact", *_SAFE
    ),
    **_fields(FieldPlace.REFERRAL, FieldKind.LINE, offence="Kind of crime", hate_strand="Hate crime strand"),
    **_fields(
        FieldPlace.REFERRAL,
        FieldKind.DATE,
        occurred_from="When it happened",
        occurred_to="Until when it happened",
        reported_at="When it was reported",
    ),
    **_fields(
        FieldPlace.REFERRAL,
        FieldKind.DISTRICT,
        district="District",
        residence_district="District where they live",
    ),
    **_fields(FieldPlace.REFERRAL, FieldKind.HARMS, chosen_harms="Kinds of harm, as chosen"),
    **_fields(
        FieldPlace.REFERRAL,
        FieldKind.YES_NO,
        interpreter_needed="An interpreter is needed",
        domestic_abuse="Domestic abuse",
        vulnerable="Vulnerable",
        intimidated="Intimidated",
        persistently_targeted="Persistently targeted",
        serious_crime="Serious crime",
    ),
    **_choice(
        FieldPlace.REFERRAL,
        "recorded_as",
        "Recorded as",
        ("crime", "A crime"),
        ("asb", "Anti-social behaviour"),
        ("non_crime", "Not a crime"),
    ),
    **_choice(FieldPlace.REFERRAL, "victim_type", "Who was harmed", *VICTIM_KINDS.items()),
    **_fields(
        FieldPlace.DOCUMENT,
        FieldKind.LINE,
        crime_number="Crime number",
        incident_number="Incident number",
        relationship_to_suspect="Relationship to the suspect",
        asb_type="Kind of anti-social behaviour",
    ),
    **_fields(
        FieldPlace.DOCUMENT, FieldKind.NOTE, location="Where it happened", what_happened="What happened"
    ),
    **_fields(
        FieldPlace.DOCUMENT,
        FieldKind.YES_NO_UNKNOWN,
        children_present="Children were there",
        repeat_victim="Has been a victim before",
    ),
    **_choice(
        FieldPlace.DOCUMENT,
        "risk_assessment",
        "Officer's risk grade",
        ("standard", "Standard"),
        ("medium", "Medium"),
        ("high", "High"),
    ),
    **_fields(FieldPlace.DOCUMENT, FieldKind.DATE, risk_assessed_at="When the officer graded the risk"),
    **_fields(FieldPlace.DOCUMENT, FieldKind.YES_NO, withdrawn="Whether the force has taken it back"),
    **_choice(FieldPlace.SAFE_CONTACT, "safe_to_contact", "Safe to contact", *_SAFE),
    **_choice(
        FieldPlace.CONSENT,
        "consent_to_referral",
        "Consent to the referral",
        ("yes", "Yes"),
        ("no", "No"),
        ("not_asked", "Not asked"),
    ),
}

FEED_FIELDS = frozenset(RECORDED_FIELDS) - {"victim_type"}
"""Those of which a value of the force can be taken over; another kind of victim is recorded by hand alone."""

PROTECTIVE_FIELDS = PROTECTIVE_COLUMNS
"""The answers that somebody may be harmed by when they are lost: changed only with a reason."""

# Numbers, e-mail and postal addresses: never on a page unasked, and each look is audited.
CONTACT_FIELDS = frozenset(
    {
        "phone",
        "phone_2",
        "safe_number",
        "guardian_phone",
        "email",
        "address_line_1",
        "address_line_2",
        "town",
        "postcode",
        "uprn",
    }
)


def recorded_day(value: str | datetime) -> date:
    """The London date of a recorded date or moment."""
    if isinstance(value, datetime):
        return times.london_date(value)
    return times.london_date(datetime.fromisoformat(value)) if "T" in value else date.fromisoformat(value)


def fields_kept_in(place: FieldPlace) -> tuple[str, ...]:
    """The columns that are kept there."""
    return tuple(column for column, field in RECORDED_FIELDS.items() if field.place is place)


def field_label(column: str) -> str:
    """What a column of the feed is called on a page."""
    field = RECORDED_FIELDS.get(column)
    return field.label if field else column.replace("_", " ").capitalize()


def display_value(column: str, value: object) -> str | None:
    """A recorded value as a page shows it; None where nothing is recorded."""
    field = RECORDED_FIELDS.get(column)
    if value is None or value == "" or value == []:
        return None
    if field is not None and field.kind is FieldKind.HARMS:
        chosen = [Harm(harm) for harm in value] if isinstance(value, list | tuple) else []
        return phrase_offence(chosen) or None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        day = times.london_date(value)
        return f"{day.day} {day:%B %Y}"
    if field is not None and field.kind is FieldKind.CHOICE:
        return dict(field.choices).get(str(value), str(value))
    return str(value)
