"""What a caseworker types when somebody asks for help, or an agency passes somebody on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from marshmallow import ValidationError
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired

from victim_gateway.blueprints.referrals.hold_forms import SAFE_ADULT_CHOICES
from victim_gateway.blueprints.referrals.value_fields import (
    hate_choices,
    offered_harms,
    read_harms,
    residence_choices,
)
from victim_gateway.compliance.victim_categories import BASIS_OF_VICTIM_TYPE, ENHANCING_FLAGS
from victim_gateway.rules.harms import phrase_offence
from victim_gateway.rules.safe_contact import CONTACT_CHANNELS, find_contradiction
from victim_gateway.rules.victim_kinds import VICTIM_KINDS
from victim_gateway.schemas.cell_field import StrictSchema, messages_by_field
from victim_gateway.schemas.person import PersonSchema
from victim_gateway.schemas.referral import ReferralSchema
from victim_gateway.services.referrals.create_referral import NewReferral
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import ConsentHow, Harm, ReferralSource, SafeAnswer
from victim_gateway.web.drafts import DraftedForm
from victim_gateway.web.fields import GovDateField, GovTimeField, OptionalRadioField
from victim_gateway.web.labels import SelectChoice, choices_of

CHANNEL_LABELS = {
    "phone": "Phone call",
    "voicemail": "Leaving a message",
    "sms": "Text message",
    "email": "Email",
    "post": "Post",
}
_TYPES_OF_THE_SCHEMA = frozenset(BASIS_OF_VICTIM_TYPE)
FLAG_LABELS = {
    "serious_crime": "One of the most serious crimes",
    "vulnerable": "The person is vulnerable",
    "intimidated": "The person is intimidated",
    "persistently_targeted": "The person is targeted again and again",
}
# A safe way, and what it cannot do without.
_NEEDED = (
    ("phone", {"phone", "sms", "voicemail"}, "Enter the phone number that is safe"),
    ("email", {"email"}, "Enter the email address that is safe"),
    ("address_line_1", {"post"}, "Enter the address that is safe for post"),
)
# Names of the schemas whose answers stand in a field of another name.
_FIELD_OF = {"safe_to_contact": "safe", "consent_to_referral": "agreed"}
_GIVEN_BY_A_FEED = ("feed_reference", "reported_at", "offence")
PERSON_LINES = (
    "given_name",
    "family_name",
    "organisation_name",
    "organisation_contact",
    "phone",
    "email",
    "address_line_1",
    "address_line_2",
    "town",
    "postcode",
    "language",
    "communication_needs",
    "guardian_name",
    "guardian_relationship",
    "guardian_phone",
    "guardian_safe_to_contact",
)


class ReferralForm(DraftedForm):
    """One page in sections, safe contact before anything that could be used to contact."""

    is_versioned = False

    source = RadioField(
        "Who asks for help?",
        choices=choices_of(ReferralSource, ReferralSource.POLICE_FEED),
        validators=[DataRequired("Choose who asks for help")],
    )
    asked_by = OptionalRadioField(
        "How did they ask?",
        choices=[
            SelectChoice("phone", "By phone: I have spoken to the person"),
            SelectChoice("other", "Another way, or I have not spoken to them"),
        ],
    )
    source_organisation = StringField("Name of the agency")
    source_contact = StringField("Who to speak to there")

    safe = RadioField(
        "Is it safe for us to contact the person?",
        choices=[
            SelectChoice("yes", "Yes, in the ways chosen below"),
            SelectChoice("no", "No, do not contact them"),
            SelectChoice("unknown", "Nobody has asked them"),
        ],
        validators=[DataRequired("Choose whether it is safe to contact the person")],
    )
    safe_channels = SelectMultipleField(
        "Which ways are safe?",
        choices=[SelectChoice(channel, CHANNEL_LABELS[channel]) for channel in CHANNEL_LABELS],
    )
    from_time = GovTimeField("Earliest time", what="The earliest time")
    until_time = GovTimeField("Latest time", what="The latest time")
    say_we_are = StringField("Who we say we are", description="If somebody else answers")
    code_word = StringField("Code word", description="If the person has chosen one")
    safe_contact_remarks = TextAreaField("Anything else about contacting them safely")

    victim_type = RadioField(
        "Who was harmed?",
        choices=[SelectChoice(key, label) for key, label in VICTIM_KINDS.items()],
        validators=[DataRequired("Choose who was harmed")],
    )
    given_name = StringField("First name")
    family_name = StringField("Last name")
    date_of_birth = GovDateField("Date of birth", what="The date of birth", not_future=True)
    organisation_name = StringField("Name of the business")
    organisation_contact = StringField("Who to speak to in the business")
    phone = StringField("Phone number")
    email = StringField("Email address")
    address_line_1 = StringField("Address line 1")
    address_line_2 = StringField("Address line 2")
    town = StringField("Town or city")
    postcode = StringField("Postcode")
    residence_district = SelectField(
        "Where do they live?",
        default="",
        description="The district, even if it happened somewhere else. Some services help only some districts.",
    )
    language = StringField("Language, if not English")
    interpreter_needed = BooleanField("An interpreter is needed")
    communication_needs = StringField(
        "Help with communication", description="For example, large print or a sign language interpreter"
    )

    guardian_name = StringField("Name of the adult")
    guardian_relationship = StringField("Who are they to the child?")
    guardian_phone = StringField("Phone number of the adult")
    guardian_safe_to_contact = OptionalRadioField(
        "Is it safe for us to contact this adult?",
        choices=[SelectChoice(value, text) for value, text in SAFE_ADULT_CHOICES],
    )

    harms = SelectMultipleField(
        "What kind of harm was it?",
        choices=offered_harms,
        validators=[DataRequired("Choose at least one kind of harm")],
        description="Tick all that apply. What can help depends on it.",
    )
    occurred_on = GovDateField("When did it happen?", what="When it happened", not_future=True)
    district = SelectField("Where did it happen?")
    reported = RadioField(
        "Was it reported to the police?",
        choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No, or they do not know")],
        validators=[DataRequired("Choose whether it was reported to the police")],
    )
    reported_on = GovDateField("When was it reported?", what="When it was reported", not_future=True)
    crime_number = StringField("Crime number")
    what_happened = TextAreaField("What happened, in the person's own words")
    flags = SelectMultipleField(
        "Does any of these apply?", choices=[SelectChoice(flag, FLAG_LABELS[flag]) for flag in FLAG_LABELS]
    )
    hate_strand = SelectField("Which kind of hate crime?")

    agreed = RadioField(
        "Has the person agreed that we contact them?",
        choices=[
            SelectChoice("yes", "Yes"),
            SelectChoice("no", "No"),
            SelectChoice("not_asked", "Nobody has asked them"),
        ],
        validators=[DataRequired("Choose whether the person has agreed")],
    )
    how = OptionalRadioField(
        "How did they answer?", choices=choices_of(ConsentHow, ConsentHow.THROUGH_POLICE)
    )
    take = BooleanField("I will look after this referral myself")

    def __init__(self, districts: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.residence_district.choices = residence_choices(tuple(districts))
        self.district.choices = [
            SelectChoice("", "Not known, or outside the area"),
            *(SelectChoice(name, name) for name in districts),
        ]
        self.hate_strand.choices = hate_choices("Choose")

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators=extra_validators))
        if self.source.data == ReferralSource.SELF and not self.asked_by.data:
            self.asked_by.errors = ["Choose how they asked"]
            valid = False
        if self.reported.data == "yes" and not self.reported_on.data and not self.reported_on.errors:
            self.reported_on.errors = [*self.reported_on.errors, "Enter when it was reported"]
            valid = False
        if Harm.HATE_CRIME in (self.harms.data or ()) and not self.hate_strand.data:
            self.hate_strand.errors = ["Choose which kind of hate crime it was"]
            valid = False
        if self.agreed.data in ("yes", "no") and not self.how.data:
            self.how.errors = ["Choose how they answered"]
            valid = False
        are_readable = (
            self._is_readable(PersonSchema(), self._typed_person()),
            self._is_readable(_referral_schema(), self._typed_referral()),
        )
        return all(
            [valid, *are_readable, self._has_safe_channel(), self._has_what_is_safe(), self._fits_together()]
        )

    def _is_readable(self, schema: StrictSchema, typed: Mapping[str, str]) -> bool:
        """Whether a schema can load what was typed; what it refuses is said at the field."""
        try:
            schema.load(typed)
        except ValidationError as error:
            labels = {name: self[_FIELD_OF.get(name, name)].label.text for name in typed}
            for name, messages in messages_by_field(error, labels).items():
                field = self[_FIELD_OF.get(name, name)]
                field.errors = field.errors or messages
            return False
        return True

    def _typed_person(self) -> dict[str, str]:
        typed = {name: self[name].data for name in PERSON_LINES if self[name].data}
        born = self.date_of_birth.data
        return typed | ({"date_of_birth": born.isoformat()} if isinstance(born, date) else {})

    def _typed_referral(self) -> dict[str, str]:
        typed = {
            "district": self.district.data,
            "crime_number": self.crime_number.data,
            # The schema knows the kinds that a feed may name; the field itself refuses any other than its own.
            "victim_type": self.victim_type.data if self.victim_type.data in _TYPES_OF_THE_SCHEMA else "",
            "safe_to_contact": self.safe.data,
            "consent_to_referral": self.agreed.data,
            # A strand that was chosen before the box was unticked stands hidden in the page, and is not meant.
            "hate_strand": self.hate_strand.data if Harm.HATE_CRIME in (self.harms.data or ()) else "",
        }
        # an answer that was not given has its own message at its own field
        return {name: value for name, value in typed.items() if value}

    def _has_safe_channel(self) -> bool:
        if self.safe.data != "yes" or set(self.safe_channels.data or ()) - {"voicemail"}:
            return True
        self.safe_channels.errors = ["Choose at least one way that is safe, or say that it is not safe"]
        return False

    def _fits_together(self) -> bool:
        """Whether no way was ticked beside a no, or beside "nobody has asked": it would be dropped in silence."""
        if self.safe.data not in ("no", "unknown"):
            return True
        ticked = dict.fromkeys(self.safe_channels.data or (), SafeAnswer.YES)
        contradiction = find_contradiction(SafeAnswer(self.safe.data), ticked)
        if contradiction:
            self.safe.errors = [*self.safe.errors, contradiction]
        return contradiction is None

    def _has_what_is_safe(self) -> bool:
        """A way that is safe needs the number or address it is safe at: a yes to nothing is no yes."""
        if self.safe.data != "yes":
            return True
        is_readable = not any(self[name].errors for name in PERSON_LINES)
        person: Mapping[str, Any] = self.person() if is_readable else self._typed_person()
        missing = [
            (name, message)
            for name, channels, message in _NEEDED
            if set(self.safe_channels.data or ()) & channels
            and not person.get(name)
            and not self[name].errors
        ]
        for name, message in missing:
            self[name].errors = [message]
        return not missing

    def person(self) -> dict[str, Any]:
        """What was typed of the person as the schema of a person loads it, blanks left out."""
        loaded: Mapping[str, Any] = PersonSchema().load(self._typed_person())
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in loaded.items()
            if value is not None
        }

    def referral(self, person_id: UUID | None, now: datetime) -> NewReferral:
        """What the service is asked to record."""
        was_reported = self.reported.data == "yes"
        typed: Mapping[str, Any] = _referral_schema().load(self._typed_referral())
        harms, said = read_harms(self.harms.data or ())
        return NewReferral(
            source=ReferralSource(self.source.data),
            person_id=person_id,
            person=self.person(),
            offence=phrase_offence(harms, said),
            harms=harms,
            residence_district=self.residence_district.data or None,
            safe_contact=self._safe_contact(),
            victim_type=self.victim_type.data,
            source_organisation=self.source_organisation.data or None,
            source_contact=self.source_contact.data or None,
            what_happened=self.what_happened.data or None,
            district=self.district.data or None,
            crime_number=typed.get("crime_number"),
            occurred_at=moment_on(self.occurred_on.data, None, now),
            reported_at=moment_on(self.reported_on.data, None, now) if was_reported else None,
            flags=frozenset(flag for flag in ENHANCING_FLAGS if flag in (self.flags.data or ())),
            hate_strand=typed.get("hate_strand"),
            interpreter_needed=bool(self.interpreter_needed.data),
            agreed={"yes": True, "no": False}.get(self.agreed.data),
            how=ConsentHow(self.how.data) if self.how.data else ConsentHow.SPOKEN,
            take=bool(self.take.data),
            called_us=self.source.data == ReferralSource.SELF and self.asked_by.data == "phone",
        )

    def _safe_contact(self) -> SafeContactAnswer:
        safe = SafeAnswer(self.safe.data)
        chosen = set(self.safe_channels.data or ()) if safe is SafeAnswer.YES else set()
        person = self.person()
        return SafeContactAnswer(
            safe=safe,
            channels={
                channel: SafeAnswer.YES if channel in chosen else SafeAnswer.UNKNOWN
                for channel in CONTACT_CHANNELS
            },
            number=person.get("phone") if chosen & {"phone", "sms", "voicemail"} else None,
            email=person.get("email") if "email" in chosen else None,
            from_time=self.from_time.data,
            until_time=self.until_time.data,
            say_we_are=self.say_we_are.data or None,
            code_word=self.code_word.data or None,
            remarks=self.safe_contact_remarks.data or None,
            stated_by="person" if self.source.data == ReferralSource.SELF else "agency",
        )


def _referral_schema() -> ReferralSchema:
    """The schema without what only a feed gives, and without what the form asks in its own way."""
    return ReferralSchema(partial=_GIVEN_BY_A_FEED)
