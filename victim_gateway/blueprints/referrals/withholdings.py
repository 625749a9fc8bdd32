"""A promise that would endanger the person: asking to keep it back, a senior's answer, looking again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.rights_conversation import rights_conversation
from victim_gateway.queries.referrals.withholdings import kept_back_rights
from victim_gateway.services.referrals import withholdings
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")
_YES, _NO = "yes", "no"


class KeepBackForm(BaseForm):
    """Why it is not safe to tell them, and when that is looked at again."""

    is_versioned = False

    reason = TextAreaField(
        "Why is it not safe?", [DataRequired("Enter why it is not safe to tell them now"), _SHORT]
    )
    review_on = GovDateField(
        "When do we look again?", what="The review date", required="Enter when we look again", not_past=True
    )


class KeepBackDecisionForm(BaseForm):
    """A senior caseworker's answer."""

    is_versioned = False

    decision = RadioField(
        "Is it kept back?",
        choices=[
            SelectChoice(_YES, "Yes, keep it back until the review date"),
            SelectChoice(_NO, "No, they are told"),
        ],
        validators=[DataRequired("Choose yes or no")],
    )
    reason = TextAreaField("Why?", [DataRequired("Enter why you decide so"), _SHORT])


class KeepBackReviewForm(BaseForm):
    """Whether it is safe now, and when that is looked at again if it is not."""

    is_versioned = False

    decision = RadioField(
        "Is it safe to tell them now?",
        choices=[SelectChoice(_NO, "No, keep it back"), SelectChoice(_YES, "Yes, they are told now")],
        validators=[DataRequired("Choose whether it is safe now")],
    )
    review_on = GovDateField("When do we look again?", what="The review date", not_past=True)
    reason = TextAreaField("How do you know?", [DataRequired("Enter how you know"), _SHORT])

    @property
    def next_review(self) -> date | None:
        """The day of the next look; None where it is safe now."""
        review_on: date | None = self.review_on.data
        return review_on if self.decision.data == _NO else None

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        valid = super().validate(extra_validators)
        if valid and self.decision.data == _NO and self.review_on.data is None:
            self.review_on.errors = ["Enter when we look again"]
            return False
        return valid


@bp.route("/rights/<uuid:clock_id>/keep-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def keep_back(referral_id: UUID, clock_id: UUID) -> ResponseReturnValue:
    """Say that it is not safe to keep this promise now; a senior caseworker decides."""
    form, after = KeepBackForm(), url_for("referrals.rights", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            withholdings.ask_withholding(
                form.command(),
                referral_id,
                clock_id=clock_id,
                reason=form.reason.data or "",
                review_on=form.review_on.data,
            )
            flashes.flash_success("A senior caseworker was asked. Until then nobody mentions it.")
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        talk = rights_conversation(session, referral_id, at=at)
        found = [right for right in (*talk.asked, *talk.kept_back) if right.clock_id == clock_id]
        if not found:
            abort(404)
        return {"right": found[0]}

    return render_referral_page(
        "referrals/keep_back.html", referral_id, section="rights", form=form, more=shown
    )


@bp.route("/rights/kept-back/<uuid:withholding_id>/decide", methods=["GET", "POST"])
@requires(Permission.DECIDE_WITHHOLDING)
def decide_keep_back(referral_id: UUID, withholding_id: UUID) -> ResponseReturnValue:
    """A senior caseworker says yes or no, with the reason."""
    form, after = KeepBackDecisionForm(), url_for("referrals.rights", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            withholdings.decide_withholding(
                form.command(),
                referral_id,
                withholding_id=withholding_id,
                agreed=form.decision.data == _YES,
                reason=form.reason.data or "",
            )
            flashes.flash_success("Your decision was recorded")
            return redirect(after)
    return render_referral_page(
        "referrals/decide_keep_back.html",
        referral_id,
        section="rights",
        form=form,
        more=_one(withholding_id),
    )


@bp.route("/rights/kept-back/<uuid:withholding_id>/review", methods=["GET", "POST"])
@requires(Permission.DECIDE_WITHHOLDING)
def review_keep_back(referral_id: UUID, withholding_id: UUID) -> ResponseReturnValue:
    """A senior caseworker looks again: still not safe, or safe now."""
    form, after = KeepBackReviewForm(), url_for("referrals.rights", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            withholdings.review_withholding(
                form.command(),
                referral_id,
                withholding_id=withholding_id,
                review_on=form.next_review,
                reason=form.reason.data or "",
            )
            flashes.flash_success("What you decided was recorded")
            return redirect(after)
    return render_referral_page(
        "referrals/review_keep_back.html",
        referral_id,
        section="rights",
        form=form,
        more=_one(withholding_id),
    )


def _one(withholding_id: UUID) -> Callable[[Session, ReferralHeader, datetime], Mapping[str, Any]]:
    """What the page shows of one promise that is kept back; one that is decided is gone."""

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        standing = kept_back_rights(session, head.referral.id, head.key)
        found = [right for right in standing if right.withholding_id == withholding_id]
        if not found:
            abort(404)
        return {"right": found[0]}

    return shown
