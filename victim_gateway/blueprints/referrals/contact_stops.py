"""A death, or a referral that the force takes back: recording it by hand, and deciding what happens then."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.rules.contact_stops import FIELD_OF_STOP, ContactStop
from victim_gateway.services.referrals import contact_stops, corrections
from victim_gateway.services.referrals.contact_stops import StoppedReferralEnd
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice
from victim_gateway.web.permissions import requires

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")
GO_ON = "go_on"
_DECISIONS = {
    ContactStop.PERSON_DIED: (
        SelectChoice(StoppedReferralEnd.CLOSED, "Close the referral"),
        SelectChoice(GO_ON, "It is a mistake: the person is alive"),
    ),
    ContactStop.WITHDRAWN_BY_FORCE: (
        SelectChoice(
            StoppedReferralEnd.ENTERED_IN_ERROR, "It was sent by mistake: mark it as entered in error"
        ),
        SelectChoice(StoppedReferralEnd.DUPLICATE, "It came twice: close it as already referred"),
        SelectChoice(StoppedReferralEnd.CLOSED, "Close it for another reason"),
        SelectChoice(GO_ON, "Go on with it: it should not have been taken back"),
    ),
}


class RecordStopForm(BaseForm):
    """Who said so, and when."""

    reason = TextAreaField("Who told you, and when?", [DataRequired("Enter who told you"), _SHORT])


class DecideStopForm(BaseForm):
    """How it ends, or why it goes on."""

    decision = RadioField("What happens to the referral?", validators=[DataRequired("Choose what happens")])
    reason = TextAreaField(
        "Why?",
        [DataRequired("Enter why"), _SHORT],
    )

    def __init__(self, stop: ContactStop, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision.choices = list(_DECISIONS[stop])
        if stop is ContactStop.WITHDRAWN_BY_FORCE:
            self.reason.description = "For a referral that came twice, enter the other one's reference"


@bp.route("/record-death", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def record_death(referral_id: UUID) -> ResponseReturnValue:
    """Record that the person has died: all contact stops at once."""
    return _record(referral_id, ContactStop.PERSON_DIED, "The person's death was recorded")


@bp.route("/record-withdrawal", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def record_withdrawal(referral_id: UUID) -> ResponseReturnValue:
    """Record that the force takes the referral back."""
    return _record(
        referral_id, ContactStop.WITHDRAWN_BY_FORCE, "It was recorded that the force takes the referral back"
    )


@bp.route("/after-death", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def after_death(referral_id: UUID) -> ResponseReturnValue:
    """Decide about a referral whose person has died."""
    return _decide(referral_id, ContactStop.PERSON_DIED)


@bp.route("/after-withdrawal", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def after_withdrawal(referral_id: UUID) -> ResponseReturnValue:
    """Decide about a referral that the force has taken back."""
    return _decide(referral_id, ContactStop.WITHDRAWN_BY_FORCE)


def _record(referral_id: UUID, stop: ContactStop, done: str) -> ResponseReturnValue:
    form, after = RecordStopForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            changes = {FIELD_OF_STOP[stop]: True}
            corrections.correct_details(form.command(), referral_id, changes, reason=form.reason.data)
            flashes.flash_success(done, link=("Decide what happens", _decide_page(referral_id, stop)))
            return redirect(after)
    return render_referral_page(
        "referrals/record_stop.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=lambda *_: {"stop": stop},
    )


def _decide(referral_id: UUID, stop: ContactStop) -> ResponseReturnValue:
    form, after = DecideStopForm(stop), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            _carry_out(form, referral_id, stop)
            return redirect(after)
    return render_referral_page(
        "referrals/decide_stop.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=lambda *_: {"stop": stop},
    )


def _carry_out(form: DecideStopForm, referral_id: UUID, stop: ContactStop) -> None:
    reason = form.reason.data or ""
    if form.decision.data == GO_ON:
        changes = {FIELD_OF_STOP[stop]: False}
        corrections.correct_details(form.command(), referral_id, changes, reason=reason)
        contact = url_for("referrals.contact", referral_id=referral_id)
        flashes.flash_success("The referral goes on", link=("Read how to contact them", contact))
        return
    end = StoppedReferralEnd(form.decision.data)
    contact_stops.end_stopped_referral(form.command(), referral_id, stop=stop, end=end, text=reason)
    flashes.flash_success("The referral has ended", link=("Back to work", url_for("work_queue.home")))


def _decide_page(referral_id: UUID, stop: ContactStop) -> str:
    page = "after_death" if stop is ContactStop.PERSON_DIED else "after_withdrawal"
    return url_for(f"referrals.{page}", referral_id=referral_id)
