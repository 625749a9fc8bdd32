"""Recording support that was given, and taking an entry back that was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.blueprints.referrals.support import support_address
from victim_gateway.blueprints.referrals.support_forms import (
    ActivityCorrectionForm,
    ActivityForm,
    TakeBackForm,
    activity_label,
)
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals import support_record
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.support_record import SupportEntry
from victim_gateway.rules.support import format_minutes
from victim_gateway.services.referrals import support_activities
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.route("/support/activities/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def record_activity(referral_id: UUID) -> ResponseReturnValue:
    """Support that was given, with the time it took."""
    form, now = ActivityForm(), times.now()
    after = support_address(referral_id, "given")
    if request.method == "GET":
        form.given_on.data = times.london_date(now)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_activities.record_support_activity(form.command(now), referral_id, form.given())
            flashes.flash_success("The support was recorded")
            return redirect(after)

    def offered(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        form.offer(support_record.planned_goals(session, referral_id, head.key))
        return {}

    return render_referral_page(
        "referrals/support_activity.html", referral_id, section="support", form=form, more=offered
    )


@bp.route("/support/activities/<uuid:activity_id>/correct", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def correct_activity(referral_id: UUID, activity_id: UUID) -> ResponseReturnValue:
    """Another entry in the place of one that was wrong; the old one stays to be read."""
    form, now = ActivityCorrectionForm(), times.now()
    after = support_address(referral_id, "given")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_activities.correct_support_activity(
                form.command(now),
                referral_id,
                activity_id,
                form.given(),
                reason=form.reason_text.data or "",
            )
            flashes.flash_success("The entry was corrected")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        entry = _entry(support_record.support_entries(session, referral_id, head.key), activity_id)
        form.offer(support_record.planned_goals(session, referral_id, head.key))
        if request.method == "GET":
            form.fill(entry)
        return {"entry": entry}

    return render_referral_page(
        "referrals/support_activity.html", referral_id, section="support", form=form, more=opened
    )


@bp.route("/support/activities/<uuid:activity_id>/take-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def void_activity(referral_id: UUID, activity_id: UUID) -> ResponseReturnValue:
    """Take an entry back that should never have been made."""
    form, after = TakeBackForm(), support_address(referral_id, "given")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            support_activities.void_support_activity(
                form.command(), referral_id, activity_id, reason=form.reason_text.data or ""
            )
            flashes.flash_success("The entry was taken back. It no longer counts.")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        entry = _entry(support_record.support_entries(session, referral_id, head.key), activity_id)
        name = activity_label(entry.kind)
        return {"what": f"{name}, {format_minutes(entry.minutes)}", "on": entry.given_on, "part": "given"}

    return render_referral_page(
        "referrals/support_take_back.html", referral_id, section="support", form=form, more=opened
    )


def _entry(entries: Sequence[SupportEntry], activity_id: UUID) -> SupportEntry:
    found = next((entry for entry in entries if entry.activity_id == activity_id), None)
    if found is None:
        raise NotFound
    return found
