"""MARAC: was the person referred, why, when do the agencies meet, what did they agree?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, graded_on, referral_version, render_referral_page
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.marac import marac_records, repeat_since
from victim_gateway.queries.referrals.overview import assessment_versions
from victim_gateway.rules.marac import MaracOutcome, MaracReason
from victim_gateway.services.referrals.marac import (
    LONGEST_TEXT,
    MaracAnswer,
    MaracResult,
    decide_marac,
    record_marac_outcome,
    take_back_marac,
)
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import MARAC_OUTCOMES, MARAC_REASONS, SelectChoice
from victim_gateway.web.permissions import requires

_YES, _NO = "yes", "no"
_TEXT = Length(max=LONGEST_TEXT, message=f"Shorten this to {LONGEST_TEXT:,} characters")


class MaracTakeBackForm(BaseForm):
    """What was wrong about a decision."""

    reason = TextAreaField("What was wrong?", [DataRequired("Enter what was wrong"), _TEXT])


class MaracForm(BaseForm):
    """Whether the person is referred, and why."""

    is_referred = RadioField(
        "Is the person referred to MARAC?",
        choices=[SelectChoice(_YES, "Yes, we refer them"), SelectChoice(_NO, "No, we do not refer them")],
        validators=[DataRequired("Choose whether you refer them")],
    )
    reasons = SelectMultipleField(
        "Why?",
        choices=[
            SelectChoice(reason.value, MARAC_REASONS[reason])
            for reason in MaracReason
            if reason is not MaracReason.REPEAT
        ],
        description="Choose all that apply, if you refer them",
    )
    is_repeat = RadioField(
        "Is this a repeat?",
        choices=[SelectChoice(_YES, "Yes, it is a repeat"), SelectChoice(_NO, "No, it is not")],
        validate_choice=False,
    )
    decided_on = GovDateField(
        "When was it decided?",
        what="The day you decided",
        required="Enter the day you decided",
        not_future=True,
    )
    meeting_on = GovDateField("When do the agencies meet?", what="The day of the meeting")
    text = TextAreaField(
        "In your own words",
        [_TEXT],
        description="Why you do not refer them, or why it is no repeat. Write nothing about the suspect",
    )

    def answer(self) -> MaracAnswer:
        """What the service is asked to record."""
        return MaracAnswer(
            is_referred=self.is_referred.data == _YES,
            decided_on=self.decided_on.data,
            reasons=tuple(MaracReason(reason) for reason in self.reasons.data or ()),
            is_repeat={_YES: True, _NO: False}.get(self.is_repeat.data or ""),
            meeting_on=self.meeting_on.data,
            text=self.text.data or None,
        )


class MaracOutcomeForm(BaseForm):
    """What became of it."""

    outcome = RadioField(
        "What became of it?",
        choices=[SelectChoice(outcome.value, MARAC_OUTCOMES[outcome]) for outcome in MaracOutcome],
        validators=[DataRequired("Choose what became of it")],
    )
    meeting_on = GovDateField("When was the meeting?", what="The day of the meeting")
    actions = TextAreaField(
        "What is done to keep the person safe?",
        [_TEXT],
        description="The actions for us and for the person. Write nothing about the suspect",
    )


@bp.route("/marac", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def marac(referral_id: UUID) -> ResponseReturnValue:
    """What was decided about MARAC, and a new decision."""
    form, after = MaracForm(), url_for("referrals.marac", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            answer = form.answer()
            decide_marac(form.command(), referral_id, answer)
            flashes.flash_success(
                "The referral to MARAC was recorded" if answer.is_referred else "Your decision was recorded",
                link=("Back to the referral", url_for("referrals.overview", referral_id=referral_id)),
            )
            return redirect(after)
    if request.method == "GET":
        form.decided_on.data = times.london_date(times.now())
    return render_referral_page(
        "referrals/marac.html",
        referral_id,
        section="assessment",
        form=form,
        version=referral_version,
        more=_decisions,
    )


@bp.route("/marac/<uuid:decision_id>/outcome", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def marac_outcome(referral_id: UUID, decision_id: UUID) -> ResponseReturnValue:
    """What became of a referral to MARAC."""
    form, after = MaracOutcomeForm(), url_for("referrals.marac", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            result = MaracResult(
                outcome=MaracOutcome(form.outcome.data),
                meeting_on=form.meeting_on.data,
                actions=form.actions.data or None,
            )
            record_marac_outcome(form.command(), referral_id, decision_id, result)
            flashes.flash_success("What became of it was recorded")
            return redirect(after)

    def open_record(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = _decisions(session, head, at)
        record = next((each for each in found["records"] if each.decision_id == decision_id), None)
        if record and (request.method == "GET" or form.is_stale):
            form.version.data = record.version
        if record and request.method == "GET":
            form.meeting_on.data = record.meeting_on
        return {**found, "record": record}

    return render_referral_page(
        "referrals/marac_outcome.html", referral_id, section="assessment", form=form, more=open_record
    )


@bp.route("/marac/<uuid:decision_id>/take-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def take_back_decision(referral_id: UUID, decision_id: UUID) -> ResponseReturnValue:
    """Take back a decision about MARAC that was recorded wrongly."""
    form, after = MaracTakeBackForm(), url_for("referrals.marac", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            take_back_marac(form.command(), referral_id, decision_id, reason=form.reason.data or "")
            flashes.flash_success("It was taken back. Record what is right")
            return redirect(after)

    def open_record(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = _decisions(session, head, at)
        record = next((each for each in found["records"] if each.decision_id == decision_id), None)
        if record and (request.method == "GET" or form.is_stale):
            form.version.data = record.version
        return {**found, "record": record}

    return render_referral_page(
        "referrals/marac_take_back.html", referral_id, section="assessment", form=form, more=open_record
    )


def _decisions(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    records = marac_records(session, head.referral.person_id, head.key)
    last = assessment_versions(session, head.referral.id, head.key)[:1]
    return {
        "records": records,
        "repeat_since": repeat_since(session, head.referral),
        "repeat_months": current_settings().area.triage.marac_repeat_months,
        "dash_bands": current_settings().area.triage.dash,
        "last": last[0] if last else None,
        "graded_on": graded_on(head),
        "reason_labels": {reason.value: label for reason, label in MARAC_REASONS.items()},
        "outcome_labels": {outcome.value: label for outcome, label in MARAC_OUTCOMES.items()},
    }
