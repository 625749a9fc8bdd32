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
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import corrections
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
)
REPORT_SHOWN = ("crime_number", "location", "what_happened")
REACHED_BY = {
    "phone": ("phone",),
    "email": ("email",),
    "address": ("address_line_1", "address_line_2", "town", "postcode"),
}
_KEEP = "Leave empty to keep what is recorded"


class CorrectForm(BaseForm):
    """Details of the person and the crime."""

    title = StringField("Title")
    given_name = StringField("First name")
    family_name = StringField("Last name")
    date_of_birth = GovDateField("Date of birth", what="The date of birth", not_future=True)
    organisation_name = StringField("Name of the business")
    organisation_contact = StringField("Who to speak to in the business")
    language = StringField("Language, if not English")
    interpreter_needed = BooleanField("An interpreter is needed")
    communication_needs = StringField("Help with communication")
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
            SelectChoice("email", "The email address"),
            SelectChoice("address", "The postal address"),
        ],
    )
    offence = StringField("Kind of crime", [DataRequired("Enter what kind of crime it was")])
    district = SelectField("District")
    location = StringField("Where it happened")
    crime_number = StringField("Crime number")
    what_happened = TextAreaField("What happened")

    def __init__(self, districts: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.district.choices = [
            SelectChoice("", "Not known, or outside the area"),
            *(SelectChoice(name, name) for name in districts),
        ]

    def fill(self, head: ReferralHeader) -> None:
        """What is recorded now, but for numbers and addresses."""
        for name in PERSON_SHOWN:
            self[name].data = head.person.get(name)
        for name in REPORT_SHOWN:
            self[name].data = head.details.get(name)
        self.date_of_birth.data = head.born_on
        self.offence.data = head.referral.offence
        self.district.data = head.referral.district or ""
        self.interpreter_needed.data = head.referral.interpreter_needed

    def changes(self) -> dict[str, Any]:
        """What the service is asked to put right."""
        born = self.date_of_birth.data
        typed: dict[str, Any] = {name: self[name].data or None for name in (*PERSON_SHOWN, *REPORT_SHOWN)}
        typed["date_of_birth"] = born.isoformat() if isinstance(born, date) else None
        typed["offence"] = self.offence.data
        typed["district"] = self.district.data or None
        typed["interpreter_needed"] = bool(self.interpreter_needed.data)
        for channel, names in REACHED_BY.items():
            if any(self[name].data for name in names):
                typed |= {name: self[name].data or None for name in names}
            elif channel in (self.remove.data or ()):
                typed |= dict.fromkeys(names)
        return typed


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
            changed = corrections.correct_details(form.command(), referral_id, form.changes())
            flashes.flash_success(
                "The details were corrected" if changed else "Nothing was different, so nothing changed"
            )
            return redirect(after)

    def filled(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        if request.method == "GET":
            form.fill(head)
        return {}

    return render_referral_page(
        "referrals/correct.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=filled,
    )
