"""How the person is doing: readings on the area's outcome measure, and what became of each need."""

from __future__ import annotations

from collections.abc import Mapping
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
from victim_gateway.blueprints.referrals.support_forms import NeedResultsForm, ReadingForm, TakeBackForm
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.queries.referrals import support_record
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.services.referrals import outcome_readings
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.labels import label_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


@bp.route("/support/readings/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def record_reading(referral_id: UUID) -> ResponseReturnValue:
    """What the person says of each area of the measure."""
    measure, now = current_area().support.outcome_measure, times.now()
    form, after = ReadingForm(measure), support_address(referral_id, "outcomes")
    if request.method == "GET":
        form.taken_on.data = times.london_date(now)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            outcome_readings.record_outcome_reading(form.command(now), referral_id, form.reading(measure))
            flashes.flash_success("The reading was saved")
            return redirect(after)
    return render_referral_page(
        "referrals/outcome_reading.html",
        referral_id,
        section="support",
        form=form,
        more=lambda *_: {"measure": measure},
    )


@bp.route("/support/readings/<uuid:reading_id>/take-back", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def void_reading(referral_id: UUID, reading_id: UUID) -> ResponseReturnValue:
    """Take a reading back that was mistaken."""
    form, after = TakeBackForm(), support_address(referral_id, "outcomes")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            outcome_readings.void_outcome_reading(
                form.command(), referral_id, reading_id, reason=form.reason_text.data or ""
            )
            flashes.flash_success("The reading was taken back. It no longer counts.")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        readings = support_record.taken_readings(session, referral_id, head.key)
        reading = next((each for each in readings if each.reading_id == reading_id), None)
        if reading is None:
            raise NotFound
        return {
            "what": f"Reading: {label_of(reading.stage).lower()}",
            "on": reading.taken_on,
            "part": "outcomes",
        }

    return render_referral_page(
        "referrals/support_take_back.html", referral_id, section="support", form=form, more=opened
    )


@bp.route("/support/needs", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def need_results(referral_id: UUID) -> ResponseReturnValue:
    """What became of each need that an assessment found."""
    labels = dict(current_area().needs.areas)
    with transaction(signed_in_actor()) as session:
        needs = support_record.assessed_needs(session, referral_id)
    form = NeedResultsForm((key, labels[key]) for key in needs)
    after = support_address(referral_id, "outcomes")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            outcome_readings.record_need_results(form.command(), referral_id, form.answers())
            flashes.flash_success("What became of the needs was saved")
            return redirect(after)

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        if request.method == "GET":
            form.fill(support_record.need_results(session, referral_id, head.key))
        return {"needs": needs}

    return render_referral_page(
        "referrals/need_results.html", referral_id, section="support", form=form, more=opened
    )
