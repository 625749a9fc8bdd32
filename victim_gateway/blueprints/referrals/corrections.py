"""Putting right what was recorded about the person and the crime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Email, Optional

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.blueprints.referrals.value_fields import (
    HARM_GROUPS,
    HARM_HINTS,
    district_choices,
    form_value,
    hate_choices,
    residence_choices,
    stored_value,
    value_field,
)
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.harms import order_harms
from victim_gateway.rules.recorded_fields import RECORDED_FIELDS
from victim_gateway.services.referrals import corrections
from victim_gateway.vocabulary import Harm
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires
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
REACHED_BY = {
    "phone": ("phone",),
    "phone_2": ("phone_2",),
    "safe_number": ("safe_number",),
    "guardian_phone": ("guardian_phone",),
    "email": ("email",),
    "address": ("address_line_1", "address_line_2", "town", "postcode"),
}
_KEEP = "Leave empty to keep what is recorded"


class CorrectForm(BaseForm):
    """Details of the person and the crime."""

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
    hate_strand = SelectField("Which kind of hate crime?", default="")
    offence = StringField("Kind of crime, as recorded", [DataRequired("Enter what kind of crime it was")])
    district = SelectField("Where it happened, the district")
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
        description="Needed for domestic abuse, the officer's risk grade, and whether the safe adult is safe",
    )

    def __init__(self, districts: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.district.choices = district_choices(districts)
        self.residence_district.choices = residence_choices(districts)
        self.hate_strand.choices = hate_choices("As it is recorded")

    def fill(self, head: ReferralHeader) -> None:
        """What is recorded now, but for numbers and addresses."""
        for names, document in ((PERSON_SHOWN, head.person), (REPORT_SHOWN, head.details)):
            for name in names:
                self[name].data = form_value(RECORDED_FIELDS[name], document.get(name))
        self.date_of_birth.data = head.born_on
        self.offence.data = head.referral.offence
        self.chosen_harms.data = list(head.referral.chosen_harms)
        self.hate_strand.data = head.referral.hate_strand or ""
        self.district.data = head.referral.district or ""
        self.residence_district.data = head.referral.residence_district or ""
        self.interpreter_needed.data = head.referral.interpreter_needed

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
        if self._was_sent("residence_district"):
            # Boxes send nothing where none is ticked: they stand on the same page as where the person lives.
            typed["chosen_harms"] = [harm for harm in Harm if harm in (self.chosen_harms.data or ())]
            typed["residence_district"] = self.residence_district.data or None
            if self.hate_strand.data and Harm.HATE_CRIME in typed["chosen_harms"]:
                # A strand that a force words in its own way is not in the list, and stays.
                typed["hate_strand"] = self.hate_strand.data
        typed["district"] = self.district.data or None
        typed["interpreter_needed"] = bool(self.interpreter_needed.data)
        for channel, names in REACHED_BY.items():
            if any(self[name].data for name in names):
                typed |= {name: self[name].data or None for name in names}
            elif channel in (self.remove.data or ()):
                typed |= dict.fromkeys(names)
        return typed

    def _was_sent(self, name: str) -> bool:
        """Whether the page asked it: what was not asked says nothing, and empties nothing."""
        return name in request.form or f"{name}-day" in request.form


@bp.route("/correct", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def correct(referral_id: UUID) -> ResponseReturnValue:
    """Correct details; what is corrected here no feed overwrites."""
    form, after = (
        CorrectForm(current_settings().area.districts),
        url_for("referrals.overview", referral_id=referral_id),
    )
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            changed = corrections.correct_details(
                form.command(), referral_id, form.changes(), reason=form.reason.data or None
            )
            flashes.flash_success(
                "The details were corrected" if changed else "Nothing was different, so nothing changed"
            )
            return redirect(after)

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        if request.method == "GET":
            form.fill(head)
        recorded = set(head.referral.harms) - set(head.referral.chosen_harms) - {Harm.OTHER}
        return {
            "harm_groups": HARM_GROUPS,
            "harm_hints": HARM_HINTS,
            "recorded_harms": order_harms(recorded),
        }

    return render_referral_page(
        "referrals/correct.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=filled,
    )
