"""To which incident a referral belongs, with others who were harmed by the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.incident_forms import JOIN, LeaveIncidentForm, PutIntoIncidentForm
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.incidents import referrals_of_same_crime, shared_incident
from victim_gateway.services.referrals.incidents import join_incident, leave_incident, open_incident
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.route("/incident", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def put_into_incident(referral_id: UUID) -> ResponseReturnValue:
    """Put the referral into an incident that is recorded, or into a new one."""
    form = PutIntoIncidentForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("referrals.overview", referral_id=referral_id)):
            number = form.joined_number()
            if form.which.data == JOIN and number is not None:
                incident_id = join_incident(form.command(), referral_id, number)
            else:
                incident_id = open_incident(
                    form.command(),
                    referral_id,
                    form.known(),
                    with_others=form.chosen_others(),
                )
            flashes.flash_success(
                "The referral belongs to this incident now",
                link=("Back to the referral", url_for("referrals.overview", referral_id=referral_id)),
            )
            return redirect(url_for("incidents.one", incident_id=incident_id))
    return render_referral_page(
        "referrals/put_into_incident.html",
        referral_id,
        section="overview",
        form=form,
        more=lambda session, head, _: _offer_others(session, head, form),
    )


@bp.route("/incident/leave", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def take_out_of_incident(referral_id: UUID) -> ResponseReturnValue:
    """Take the referral out of its incident, with the reason."""
    form, after = LeaveIncidentForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            leave_incident(form.command(), referral_id, reason=form.reason.data or "")
            flashes.flash_success("The referral no longer belongs to the incident")
            return redirect(after)
    return render_referral_page(
        "referrals/take_out_of_incident.html",
        referral_id,
        section="overview",
        form=form,
        more=lambda session, head, _: {"shared": shared_incident(session, head.referral)},
    )


def _offer_others(session: Session, head: ReferralHeader, form: PutIntoIncidentForm) -> Mapping[str, Any]:
    shared = shared_incident(session, head.referral)
    form.offer_others(referrals_of_same_crime(session, head.referral) if shared.same_crime else ())
    return {"shared": shared}
