"""What the person agreed to, for what and for whom; recording an answer and taking one back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import consent_history, provider_choices
from victim_gateway.services.referrals import consents
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import ConsentHow, ConsentPurpose
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


class ConsentForm(BaseForm):
    """One answer to one question."""

    is_versioned = False

    purpose = RadioField(
        "What is it about?",
        choices=choices_of(ConsentPurpose),
        validators=[DataRequired("Choose what it is about")],
    )
    recipient = SelectField("Which provider?")
    agreed = RadioField(
        "What did they say?",
        choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No")],
        validators=[DataRequired("Choose what they said")],
    )
    how = RadioField(
        "How did they answer?",
        choices=choices_of(ConsentHow),
        validators=[DataRequired("Choose how they answered")],
    )
    given_on = GovDateField("When?", what="The day", required="Enter the day they answered", not_future=True)
    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])

    def __init__(self, providers: list[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipient.choices = [
            SelectChoice("", "Choose a provider"),
            *(SelectChoice(str(provider_id), name) for provider_id, name in providers),
        ]

    @property
    def recipient_id(self) -> UUID | None:
        """The provider, where the answer is about sharing."""
        is_sharing = self.purpose.data == ConsentPurpose.SHARE_WITH_PROVIDER
        return UUID(self.recipient.data) if is_sharing and self.recipient.data else None


class WithdrawConsentForm(BaseForm):
    """A yes taken back."""

    is_versioned = False

    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])


@bp.route("/consent", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def consent(referral_id: UUID) -> ResponseReturnValue:
    """Every answer so far, and one more."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        form = ConsentForm(provider_choices(session))
    if request.method == "GET":
        form.given_on.data = times.london_date(now)
    after = url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            consents.record_consent(
                form.command(now),
                referral_id,
                consents.ConsentAnswer(
                    purpose=ConsentPurpose(form.purpose.data),
                    agreed=form.agreed.data == "yes",
                    how=ConsentHow(form.how.data),
                    given_at=moment_on(form.given_on.data, None, now) or now,
                    recipient_organisation_id=form.recipient_id,
                ),
                text=form.notes.data or None,
            )
            overview = url_for("referrals.overview", referral_id=referral_id)
            flashes.flash_success("The answer was recorded", link=("Back to the referral", overview))
            return redirect(after)
    return render_referral_page(
        "referrals/consent.html", referral_id, section="contact", form=form, more=_consents
    )


@bp.route("/consent/<uuid:consent_id>/withdraw", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def withdraw_consent(referral_id: UUID, consent_id: UUID) -> ResponseReturnValue:
    """Take a yes back; the page says first what that ends."""
    form, after = WithdrawConsentForm(), url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            consents.withdraw_consent(
                form.command(), consent_id, through=referral_id, text=form.notes.data or None
            )
            flashes.flash_success("The consent was taken back, and what rested on it has ended")
            return redirect(after)

    def chosen(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = [
            item
            for item in consent_history(session, head.referral.person_id)
            if item.consent_id == consent_id
        ]
        if not found:
            abort(404)
        return {"consent": found[0]}

    return render_referral_page(
        "referrals/withdraw_consent.html", referral_id, section="contact", form=form, more=chosen
    )


def _consents(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    return {"consents": consent_history(session, head.referral.person_id)}
