"""What the person agreed to, for what and for whom; recording an answer and taking one back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import HiddenField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Consent, Person, Referral
from victim_gateway.queries.onward_referrals.sharing_overrides import sharing_overrides
from victim_gateway.queries.referrals.attachments import AttachedFile, attached_files
from victim_gateway.queries.referrals.consent_endings import consent_endings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import consent_history, provider_choices
from victim_gateway.rules.handover import ALWAYS_SHARED
from victim_gateway.services.referrals import consents
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import ConsentGiver, ConsentHow, ConsentPurpose, HandoverPart
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
    given_by = RadioField(
        "Who answered?",
        choices=choices_of(ConsentGiver),
        validators=[DataRequired("Choose who answered")],
    )
    giver_name = StringField("Who are they?", [Length(max=200, message="Shorten this to 200 characters")])
    scope = SelectMultipleField("Is the yes limited?", choices=choices_of(HandoverPart, *ALWAYS_SHARED))
    attachment = SelectField("The written answer, if it is a file here", default="")
    kept_where = StringField(
        "Or where is it kept?", [Length(max=200, message="Shorten this to 200 characters")]
    )
    given_on = GovDateField("When?", what="The day", required="Enter the day they answered", not_future=True)
    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])

    def __init__(
        self, providers: list[tuple[UUID, str]], files: Sequence[AttachedFile] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.attachment.choices = [
            SelectChoice("", "None of them"),
            *(SelectChoice(str(file.attachment_id), f"File {file.number}: {file.title}") for file in files),
        ]
        self.recipient.choices = [
            SelectChoice("", "Choose a provider"),
            *(SelectChoice(str(provider_id), name) for provider_id, name in providers),
        ]

    @property
    def recipient_id(self) -> UUID | None:
        """The provider, where the answer is about sharing."""
        is_sharing = self.purpose.data == ConsentPurpose.SHARE_WITH_PROVIDER
        return UUID(self.recipient.data) if is_sharing and self.recipient.data else None

    def answer(self, now: datetime) -> consents.ConsentAnswer:
        """What was typed; what belongs to another answer than the chosen one is left out."""
        given_by, how = ConsentGiver(self.given_by.data), ConsentHow(self.how.data)
        is_yes, is_written = self.agreed.data == "yes", how is ConsentHow.WRITTEN
        is_limited = is_yes and self.recipient_id is not None
        return consents.ConsentAnswer(
            purpose=ConsentPurpose(self.purpose.data),
            agreed=is_yes,
            how=how,
            given_at=moment_on(self.given_on.data, None, now) or now,
            recipient_organisation_id=self.recipient_id,
            given_by=given_by,
            giver_name=None if given_by is ConsentGiver.PERSON else self.giver_name.data,
            scope=tuple(HandoverPart(part) for part in self.scope.data or ()) if is_limited else (),
            attachment_id=UUID(self.attachment.data) if is_written and self.attachment.data else None,
            kept_where=self.kept_where.data if is_written else None,
        )


class WithdrawConsentForm(BaseForm):
    """A yes taken back; `endings` are the onward referrals that the page said would end."""

    is_versioned = False

    endings = HiddenField()

    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])

    def seen_endings(self) -> list[UUID]:
        """Their ids; what is no id was never shown."""
        return [UUID(part) for part in _ID.findall(self.endings.data or "")]


@bp.route("/consent", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def consent(referral_id: UUID) -> ResponseReturnValue:
    """Every answer so far, and one more."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        form = ConsentForm(provider_choices(session), _written_answers(session, referral_id))
    if request.method == "GET":
        form.given_on.data = times.london_date(now)
    after = url_for("referrals.consent", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            consents.record_consent(
                form.command(now),
                referral_id,
                form.answer(now),
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
                form.command(),
                consent_id,
                through=referral_id,
                text=form.notes.data or None,
                seen_endings=form.seen_endings(),
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
        endings = consent_endings(session, session.get_one(Consent, consent_id), on=times.london_date(at))
        # What the page shows now is what the next sending has seen.
        form.endings.data = ",".join(str(item.onward_referral_id) for item in endings.onward)
        return {"consent": found[0], "endings": endings}

    return render_referral_page(
        "referrals/withdraw_consent.html", referral_id, section="contact", form=form, more=chosen
    )


def _written_answers(session: Session, referral_id: UUID) -> list[AttachedFile]:
    """The files that a written answer could be; none for a referral that is not the reader's."""
    referral = session.get(Referral, referral_id)
    person = session.get(Person, referral.person_id) if referral else None
    if referral is None or person is None:
        return []
    key = encrypted_rows.open_key(session, person.key_id)
    return [file for file in attached_files(session, referral.id, key) if file.can_be_fetched]


def _consents(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    return {
        "consents": consent_history(session, head.referral.person_id),
        "overrides": sharing_overrides(session, head.referral.id, head.key),
    }
