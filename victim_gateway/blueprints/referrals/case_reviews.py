"""A review of a case of anti-social behaviour: asked for, the threshold, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.support import support_address
from victim_gateway.blueprints.referrals.support_forms import authority_label
from victim_gateway.blueprints.referrals.support_sections import REVIEW_STEPS
from victim_gateway.database.current import current_settings
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals.court_and_review import case_reviews_of
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import case_reviews
from victim_gateway.services.referrals.case_reviews import CaseReviewStep, NewCaseReview
from victim_gateway.vocabulary import CaseReviewOutcome
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, choices_of
from victim_gateway.web.permissions import requires

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")


class CaseReviewForm(BaseForm):
    """Whom it was asked of, when, by whom, and what about."""

    is_versioned = False

    authority = SelectField("Whom was it asked of?", validators=[DataRequired("Choose whom it was asked of")])
    asked_on = GovDateField(
        "When was it asked for?", what="The day", required="Enter the day", not_future=True
    )
    asked_by = RadioField(
        "Who asked?",
        choices=[SelectChoice("person", "The person"), SelectChoice("for_person", "Somebody for the person")],
        validators=[DataRequired("Choose who asked")],
    )
    about = TextAreaField("What is it about?", [DataRequired("Enter what it is about"), _SHORT])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.authority.choices = [
            SelectChoice("", "Choose whom it was asked of"),
            *(
                SelectChoice(key, label)
                for key, label in current_settings().area.support.case_review.authorities
            ),
        ]


class CaseReviewStepForm(BaseForm):
    """When a step was made; an answer has its outcome beside it."""

    is_versioned = False

    on = GovDateField("Which day?", what="The day", required="Enter the day", not_future=True)
    outcome = RadioField(
        "What came of it?",
        choices=choices_of(CaseReviewOutcome),
        validators=[DataRequired("Choose what came of it")],
    )
    text = TextAreaField("What did they answer?", [DataRequired("Enter the answer in a few words"), _SHORT])

    def __init__(self, step: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if step != "reply":
            del self.outcome, self.text


@bp.route("/support/case-reviews/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def ask_case_review(referral_id: UUID) -> ResponseReturnValue:
    """Record that a review was asked for."""
    form, after = CaseReviewForm(), support_address(referral_id, "case-reviews")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            new = NewCaseReview(
                authority=form.authority.data,
                asked_on=form.asked_on.data,
                is_for_person=form.asked_by.data == "for_person",
                text=form.about.data or "",
            )
            case_reviews.ask_for_case_review(form.command(), referral_id, new)
            flashes.flash_success("The request for a review was recorded")
            return redirect(after)
    return render_referral_page("referrals/case_review.html", referral_id, section="support", form=form)


@bp.route(
    "/support/case-reviews/<uuid:review_id>/<any(met,'not-met',reply,drop):review_step>",
    methods=["GET", "POST"],
)
@requires(Permission.EDIT_CASEWORK)
def case_review_step(referral_id: UUID, review_id: UUID, review_step: str) -> ResponseReturnValue:
    """Record one step of a review."""
    form, after = CaseReviewStepForm(review_step), support_address(referral_id, "case-reviews")
    state, heading_text = REVIEW_STEPS[review_step]
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            step = CaseReviewStep(
                state,
                form.on.data,
                CaseReviewOutcome(form.outcome.data) if "outcome" in form else None,
                form.text.data or "" if "text" in form else "",
            )
            case_reviews.record_case_review_step(form.command(), referral_id, review_id, step)
            flashes.flash_success("The step was recorded")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        every = case_reviews_of(session, referral_id, head.key)
        found = next((each for each in every if each.review_id == review_id), None)
        if found is None:
            raise NotFound
        return {"heading_text": heading_text, "review": found, "authority_label": authority_label}

    return render_referral_page(
        "referrals/case_review_step.html", referral_id, section="support", form=form, more=opened
    )
