"""What should they have been told by now, and what do they say about it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import TextAreaField
from wtforms.validators import Length

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.queries.referrals.complaints import referral_complaints
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.rights import explained_clocks, summarise_clocks
from victim_gateway.queries.referrals.withholdings import kept_back_rights
from victim_gateway.services.referrals.victim_reports import record_victim_was_told
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.permissions import requires


class ToldForm(BaseForm):
    """What the person says they were told or given, and on which day."""

    is_versioned = False

    told_on = GovDateField(
        "When did it happen?", what="The day", required="Enter the day it happened", not_future=True
    )
    victim_account = TextAreaField(
        "What the person says", [Length(max=4000, message="Shorten this to 4,000 characters")]
    )


@bp.get("/rights")
@requires(Permission.VIEW_REFERRAL)
def rights(referral_id: UUID) -> ResponseReturnValue:
    """Told in time, late, not known; then each promise with its because."""
    return render_referral_page("referrals/rights.html", referral_id, section="rights", more=_promises)


@bp.route("/rights/<uuid:clock_id>/told", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def victim_was_told(referral_id: UUID, clock_id: UUID) -> ResponseReturnValue:
    """Record what the person says about one promise."""
    form, after = ToldForm(), url_for("referrals.rights", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            record_victim_was_told(
                form.command(),
                referral_id,
                clock_id=clock_id,
                told_on=form.told_on.data,
                text=form.victim_account.data or None,
            )
            flashes.flash_success("What the person says was recorded")
            return redirect(after)

    def chosen(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        promises = explained_clocks(session, referral_id, at=at)
        found = next((promise for promise in promises if promise.clock_id == clock_id), None)
        if found is None or found.is_local:
            abort(404)
        return {"promise": found}

    return render_referral_page("referrals/told.html", referral_id, section="rights", form=form, more=chosen)


def _promises(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    promises = explained_clocks(session, head.referral.id, at=at)
    return {
        "summary": summarise_clocks(promises),
        "of_the_code": [promise for promise in promises if not promise.is_local],
        "kept_back": kept_back_rights(session, head.referral.id, head.key),
        "complaints": referral_complaints(session, head.referral.id),
        "of_ours": [promise for promise in promises if promise.is_local],
    }
