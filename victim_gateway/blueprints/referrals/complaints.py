"""A complaint of one referral: recording it, and each step until the person knows what they can do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.referrals.complaints import opened_complaint, provider_names
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.review_list import possible_reviewers
from victim_gateway.rules.complaints import COMPLAINT_STEPS
from victim_gateway.services.referrals import complaints
from victim_gateway.services.referrals.complaints import ComplaintAnswer, NewComplaint
from victim_gateway.vocabulary import ComplaintOutcome, ComplaintState, ComplaintSubject, EvidenceGrade
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")
FROM_LABELS = {
    "person": "The person",
    "for_the_person": "A parent, guardian or spokesperson",
    "other": "Another",
}
# The part of an address, the state that the step leads to, and what the page is called.
STEPS = {
    "acknowledge": (ComplaintState.ACKNOWLEDGED, "They wrote back that they have it"),
    "answer": (ComplaintState.ANSWERED, "They answered"),
    "next-step": (ComplaintState.CLOSED, "The person knows what they can do next"),
    "withdraw": (ComplaintState.WITHDRAWN, "The person takes it back"),
}
_STEP = "/rights/complaints/<uuid:complaint_id>/<any(acknowledge,answer,'next-step',withdraw):step>"


class ComplaintForm(BaseForm):
    """Who complains, about whom, and of what."""

    is_versioned = False

    received_on = GovDateField(
        "When was it received?",
        what="The day",
        required="Enter the day it was received",
        earliest=date(2014, 1, 1),
        not_future=True,
    )
    received_from = RadioField(
        "Who complains?",
        choices=[SelectChoice(value, label) for value, label in FROM_LABELS.items()],
        validators=[DataRequired("Choose who complains")],
    )
    about = RadioField(
        "Who is it about?",
        choices=choices_of(ComplaintSubject),
        validators=[DataRequired("Choose who it is about")],
    )
    provider = SelectField("Which provider?", validate_choice=False)
    summary = TextAreaField("What is it about?", [DataRequired("Enter what the complaint is about"), _SHORT])

    def __init__(self, providers: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.providers = list(providers)
        self.provider.choices = self.providers

    def complaint(self) -> NewComplaint:
        """What was typed; a provider is read only where it is about one."""
        about = ComplaintSubject(self.about.data)
        known = {value for value, _ in self.providers}
        chosen = self.provider.data if self.provider.data in known else None
        return NewComplaint(
            received_on=self.received_on.data,
            received_from=self.received_from.data,
            about=about,
            summary=self.summary.data or "",
            provider_id=UUID(chosen) if chosen and about is ComplaintSubject.PROVIDER else None,
        )


class ComplaintStepForm(BaseForm):
    """When a step was made, and how we know; an answer has its outcome beside it."""

    is_versioned = False

    on = GovDateField("Which day?", what="The day", required="Enter the day", not_future=True)
    grade = RadioField(
        "How do you know?",
        choices=[
            SelectChoice(EvidenceGrade.PARTNER_STATEMENT, "They told us"),
            SelectChoice(EvidenceGrade.VICTIM_REPORT, "The person says so"),
            SelectChoice(EvidenceGrade.SYSTEM_RECORD, "We did it ourselves"),
        ],
        validators=[DataRequired("Choose how you know")],
    )
    outcome = RadioField(
        "What came of it?",
        choices=choices_of(ComplaintOutcome),
        validators=[DataRequired("Choose what came of it")],
    )
    text = TextAreaField("What was the answer?", [DataRequired("Enter the answer in a few words"), _SHORT])

    def __init__(self, step: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if step != "answer":
            del self.outcome, self.text
        if step not in ("acknowledge", "answer"):
            del self.grade


@bp.route("/rights/complaints/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def record_complaint(referral_id: UUID) -> ResponseReturnValue:
    """Record a complaint about us, a provider or a service of the Code."""
    with transaction(signed_in_actor()) as session:
        form = ComplaintForm(provider_names(session))
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("referrals.rights", referral_id=referral_id)):
            complaint_id = complaints.record_complaint(form.command(), referral_id, form.complaint())
            flashes.flash_success("The complaint was recorded")
            return redirect(
                url_for("referrals.complaint", referral_id=referral_id, complaint_id=complaint_id)
            )
    return render_referral_page("referrals/record_complaint.html", referral_id, section="rights", form=form)


@bp.get("/rights/complaints/<uuid:complaint_id>")
@requires(Permission.EDIT_CASEWORK)
def complaint(referral_id: UUID, complaint_id: UUID) -> ResponseReturnValue:
    """One complaint, and the steps that may follow."""
    return render_referral_page(
        "referrals/complaint.html",
        referral_id,
        section="rights",
        more=lambda session, head, at: _opened(session, head, complaint_id),
    )


@bp.route(_STEP, methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def complaint_step(referral_id: UUID, complaint_id: UUID, step: str) -> ResponseReturnValue:
    """Record one step of a complaint."""
    form = ComplaintStepForm(step)
    after = url_for("referrals.complaint", referral_id=referral_id, complaint_id=complaint_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            _make_step(form, referral_id, complaint_id, step)
            flashes.flash_success("The step was recorded")
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        found = _opened(session, head, complaint_id)
        if not found["may_handle"]:
            abort(403)
        return {**found, "step": step, "heading_text": STEPS[step][1]}

    return render_referral_page(
        "referrals/complaint_step.html", referral_id, section="rights", form=form, more=shown
    )


def _make_step(form: ComplaintStepForm, referral_id: UUID, complaint_id: UUID, step: str) -> None:
    command, on = form.command(), form.on.data
    assert isinstance(on, date)  # noqa: S101  the field is required
    if step == "acknowledge":
        complaints.acknowledge_complaint(
            command, referral_id, complaint_id=complaint_id, on=on, grade=EvidenceGrade(form.grade.data)
        )
    elif step == "answer":
        complaints.answer_complaint(
            command,
            referral_id,
            complaint_id=complaint_id,
            on=on,
            grade=EvidenceGrade(form.grade.data),
            answer=ComplaintAnswer(outcome=ComplaintOutcome(form.outcome.data), text=form.text.data or ""),
        )
    elif step == "next-step":
        complaints.close_complaint(command, referral_id, complaint_id=complaint_id, on=on)
    else:
        complaints.withdraw_complaint(command, referral_id, complaint_id=complaint_id, on=on)


def _opened(session: Session, head: ReferralHeader, complaint_id: UUID) -> dict[str, Any]:
    handles = may_use(Permission.HANDLE_COMPLAINTS)
    opened = opened_complaint(session, head.referral.id, complaint_id, head.key, may_read_ours=handles)
    follow, user_id = COMPLAINT_STEPS[opened.row.state], signed_in_actor().user_id
    is_own = handles and complaints.is_about_own_referral(head.referral, opened.row.about, user_id)
    others = possible_reviewers(session, head.referral, author_id=user_id) if is_own and user_id else ()
    if others:
        follow = follow & {ComplaintState.ACKNOWLEDGED}
    return {
        "is_own": is_own,
        "others": others,
        "opened": opened,
        "may_handle": handles or opened.row.about is not ComplaintSubject.GATEWAY,
        "steps": [(step, label) for step, (state, label) in STEPS.items() if state in follow],
        "from_labels": FROM_LABELS,
    }
