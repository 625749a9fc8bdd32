"""The question to a caseworker about a referral on which nothing has happened for some time."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.rules.stalled_cases import (
    LONGEST_LOOK_DAYS,
    LONGEST_LOOK_DAYS_AT_HIGH_RISK,
    is_active_after,
)
from victim_gateway.services.referrals.stalled_cases import answer_stalled_case
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.stall_forms import StallAnswerForm


@bp.route("/still-active", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def still_active(referral_id: UUID) -> ResponseReturnValue:
    """Still active? What holds it up? One that is no longer needed leads to closing."""
    form, after = StallAnswerForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            given = form.given()
            answer_stalled_case(form.command(times.now()), referral_id, given)
            if not is_active_after(given.answer):
                flash_success("Saved. Now check what closing needs.")
                return redirect(url_for("referrals.close", referral_id=referral_id))
            flash_success("Saved. You are not asked again before that day.")
            return redirect(after)
    days = {"days": LONGEST_LOOK_DAYS, "days_at_high_risk": LONGEST_LOOK_DAYS_AT_HIGH_RISK}
    return render_referral_page(
        "referrals/still_active.html", referral_id, section="overview", form=form, more=lambda *_: days
    )
