"""The form on which details of the person and the crime are put right."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import request
from wtforms import (
    BooleanField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Email, Optional

from victim_gateway.blueprints.referrals.record_forms import FLAG_LABELS
from victim_gateway.blueprints.referrals.value_fields import (
    HATE_STRANDS,
    district_choices,
    form_value,
    hate_choices,
    residence_choices,
    stored_value,
    value_field,
)
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.recorded_fields import RECORDED_FIELDS
from victim_gateway.rules.victim_kinds import CORRECTABLE_TO, VICTIM_KINDS, is_correctable_kind
from victim_gateway.web.drafts import DraftedForm
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.validators import full_postcode, phone_number

# Shown and sent back whole; the rest is never put into a page and changes only where something is typed.
PERSON_SHOWN = (
    "title",
    "given_name",
    "family_name",
    "organisation_name",
    "organisation_contact",
    "language",
    "communication_needs",
    "alias",
    "ethnicity",
    "safe_number_whose",
    "guardian_name",
    "guardian_relationship",
    "guardian_safe_to_contact",
)
REPORT_SHOWN = (
    "crime_number",
    "location",
    "what_happened",
    "relationship_to_suspect",
    "children_present",
    "repeat_victim",
    "risk_assessment",
    "risk_assessed_at",
)
FLAGS = {"domestic_abuse": "Domestic abuse", **FLAG_LABELS}
DATES = ("occurred_from", "occurred_to", "reported_at")
REACHED_BY = {
    "phone": ("phone",),
    "phone_2": ("phone_2",),
    "safe_number": ("safe_number",),
    "guardian_phone": ("guardian_phone",),
    "email": ("email",),
    "address": ("address_line_1", "address_line_2", "town", "postcode"),
}
# Saved answers that the form never shows, and those that are about this sending alone.
NOT_SHOWN_AGAIN = tuple(name for names in REACHED_BY.values() for name in names)
_KEEP = "Leave empty to keep what is recorded"


class CorrectForm(DraftedForm):
    """Details of the person and the crime."""

    # It is sent whole: what was corrected meanwhile is looked at first, answer by answer.
    can_be_kept_at_once = False

    title = StringField("Title")
    given_name = StringField("First name")
    family_name = StringField("Last name")
    alias = value_field(RECORDED_FIELDS["alias"], description="Another name they use")
    date_of_birth = GovDateField("Date of birth", what="The date of birth", not_future=True)
    organisation_name = StringField("Name of the business")
    organisation_contact = StringField("Who to speak to in the business")
    language = StringField("Language, if not English")
    interpreter_needed = BooleanField("An interpreter is needed")
    communication_needs = StringField("Help with communication")
    ethnicity = value_field(
        RECORDED_FIELDS["ethnicity"],
        description="In their own words. Used only to see that everybody is served",
    )
    guardian_name = value_field(RECORDED_FIELDS["guardian_name"], label="Name of the safe adult")
    guardian_relationship = value_field(
        RECORDED_FIELDS["guardian_relationship"], label="What they are to the person"
    )
    guardian_safe_to_contact = value_field(
        RECORDED_FIELDS["guardian_safe_to_contact"], label="Is this adult safe to contact?"
    )
    guardian_phone = value_field(
        RECORDED_FIELDS["guardian_phone"], label="New phone number of the safe adult", description=_KEEP
    )
    phone_2 = value_field(RECORDED_FIELDS["phone_2"], label="New second phone number", description=_KEEP)
    safe_number = value_field(
        RECORDED_FIELDS["safe_number"], label="New number of a safe person", description=_KEEP
    )
    safe_number_whose = value_field(RECORDED_FIELDS["safe_number_whose"], label="Whose number is it?")
    phone = StringField("New phone number", [phone_number], description=_KEEP)
    email = StringField(
        "New email address",
        [Optional(), Email("Enter an email address, like name@example.com")],
        description=_KEEP,
    )
    address_line_1 = StringField("New address line 1", description=_KEEP)
    address_line_2 = StringField("Address line 2")
    town = StringField("Town or city")
    postcode = StringField("Postcode", [full_postcode])
    remove = SelectMultipleField(
        "Is something recorded that is wrong and must go?",
        choices=[
            SelectChoice("phone", "The phone number"),
            SelectChoice("phone_2", "The second phone number"),
            SelectChoice("safe_number", "The number of a safe person"),
            SelectChoice("guardian_phone", "The safe adult's phone number"),
            SelectChoice("email", "The email address"),
            SelectChoice("address", "The postal address"),
        ],
    )
    chosen_harms = value_field(
        RECORDED_FIELDS["chosen_harms"],
        label="What kind of harm was it?",
        description="Tick all that apply. What can help depends on it.",
    )
    offence = StringField("The crime, as it was reported", [DataRequired("Enter what kind of crime it was")])
    victim_type = OptionalRadioField(
        "Who was harmed?",
        choices=[SelectChoice(*choice) for choice in VICTIM_KINDS.items()],
        description="Recorded as somebody to whom the Victims' Code promises nothing. Where that was a mistake, choose"
        " who they are: its time limits begin then, and it can't be taken back.",
    )
    recorded_as = OptionalRadioField(
        "What is it recorded as?",
        choices=[SelectChoice(*choice) for choice in RECORDED_FIELDS["recorded_as"].choices],
    )
    occurred_from = value_field(RECORDED_FIELDS["occurred_from"], label="When did it happen, or begin?")
    occurred_to = value_field(RECORDED_FIELDS["occurred_to"], label="When did it end?")
    reported_at = value_field(RECORDED_FIELDS["reported_at"], label="When was it reported to the police?")
    flags = SelectMultipleField(
        "Does any of these apply?", choices=[SelectChoice(flag, FLAGS[flag]) for flag in FLAGS]
    )
    hate_strand = SelectField("Was it a hate crime?", default="")
    asked = HiddenField(default="yes")
    district = SelectField("District")
    residence_district = SelectField(
        "Where do they live?",
        default="",
        description="The district, even if it happened somewhere else. Some services help only some districts.",
    )
    location = StringField("Where it happened")
    crime_number = StringField("Crime number")
    what_happened = TextAreaField("What happened")
    relationship_to_suspect = value_field(
        RECORDED_FIELDS["relationship_to_suspect"], description="What the suspect is to the person"
    )
    children_present = value_field(RECORDED_FIELDS["children_present"], label="Were children there?")
    repeat_victim = value_field(RECORDED_FIELDS["repeat_victim"], label="Has this happened to them before?")
    risk_assessment = value_field(
        RECORDED_FIELDS["risk_assessment"], label="How much at risk did the officer find them?"
    )
    risk_assessed_at = value_field(
        RECORDED_FIELDS["risk_assessed_at"], label="When did the officer find that?"
    )
    reason = TextAreaField(
        "Why do you change it?",
        description="Needed when a change takes away something that protects the person",
    )

    def __init__(self, districts: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.district.choices = district_choices(districts)
        self.residence_district.choices = residence_choices(districts)
        self.hate_strand.choices = hate_choices("No, or not known")

    def fill(self, head: ReferralHeader) -> None:
        """What is recorded now, but for numbers and addresses."""
        for names, document in ((PERSON_SHOWN, head.person), (REPORT_SHOWN, head.details)):
            for name in names:
                self[name].data = form_value(RECORDED_FIELDS[name], document.get(name))
        self.date_of_birth.data = head.born_on
        referral = head.referral
        self.offence.data = referral.offence
        self.chosen_harms.data = list(referral.chosen_harms)
        self.recorded_as.data = referral.recorded_as
        if is_correctable_kind(referral.victim_type):
            self.victim_type.data = referral.victim_type
        for name in DATES:
            self[name].data = form_value(RECORDED_FIELDS[name], getattr(referral, name))
        self.flags.data = [flag for flag in FLAGS if getattr(referral, flag)]
        self.offer_strand(referral.hate_strand)
        self.hate_strand.data = referral.hate_strand or ""
        self.district.data = referral.district or ""
        self.residence_district.data = referral.residence_district or ""
        self.interpreter_needed.data = referral.interpreter_needed

    def offer_kinds(self, victim_type: str) -> None:
        """Offer the kind on record, and those that it may become."""
        offered = (victim_type, *CORRECTABLE_TO)
        self.victim_type.choices = [SelectChoice(kind, VICTIM_KINDS[kind]) for kind in offered]

    def offer_strand(self, strand: str | None) -> None:
        """Add the strand on record, which the force may have put in other terms than ours."""
        if strand and strand not in HATE_STRANDS:
            self.hate_strand.choices = [
                *(self.hate_strand.choices or ()),
                SelectChoice(strand, strand.capitalize()),
            ]

    def changes(self) -> dict[str, Any]:
        """What the service is asked to put right."""
        born = self.date_of_birth.data
        shown = (*PERSON_SHOWN, *REPORT_SHOWN)
        typed: dict[str, Any] = {
            name: stored_value(RECORDED_FIELDS[name], self[name].data)
            for name in shown
            if self._was_sent(name)
        }
        typed["date_of_birth"] = born.isoformat() if isinstance(born, date) else None
        typed["offence"] = self.offence.data
        typed["district"] = self.district.data or None
        typed["interpreter_needed"] = bool(self.interpreter_needed.data)
        typed |= self._crime_changes()
        for channel, names in REACHED_BY.items():
            if any(self[name].data for name in names):
                typed |= {name: self[name].data or None for name in names}
            elif channel in (self.remove.data or ()):
                typed |= dict.fromkeys(names)
        return typed

    def _crime_changes(self) -> dict[str, Any]:
        """What of the crime was asked. A box that is not ticked sends nothing: only a page that asked says no."""
        typed = {
            name: stored_value(RECORDED_FIELDS[name], self[name].data)
            for name in DATES
            if self._was_sent(name)
        }
        if self._was_sent("recorded_as") and self.recorded_as.data:
            typed["recorded_as"] = self.recorded_as.data
        if self._was_sent("victim_type") and self.victim_type.data:
            typed["victim_type"] = self.victim_type.data
        if self._was_sent("residence_district"):
            typed["residence_district"] = self.residence_district.data or None
        if self._was_sent("hate_strand"):
            typed["hate_strand"] = self.hate_strand.data or None
        if self._was_sent("asked"):
            typed |= {flag: flag in (self.flags.data or ()) for flag in FLAGS}
            typed["chosen_harms"] = list(self.chosen_harms.data or ())
        return typed

    def _was_sent(self, name: str) -> bool:
        """Whether the page asked it: what was not asked says nothing, and empties nothing."""
        return name in request.form or f"{name}-day" in request.form
