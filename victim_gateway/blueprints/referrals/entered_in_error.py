"""A senior marks a referral that should never have been here; the page says first what happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, referral_version, render_referral_page
from victim_gateway.blueprints.referrals.status_forms import EnterInErrorForm
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import onward_cards, related_referrals
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, REFERRAL_TRANSITIONS
from victim_gateway.services.referrals import entered_in_error
from victim_gateway.vocabulary import ReferralState
from victim_gateway.web import flashes
from victim_gateway.web.forms import save_or_refuse
from victim_gateway.web.permissions import requires


@bp.route("/entered-in-error", methods=["GET", "POST"])
@requires(Permission.ENTER_IN_ERROR)
def enter_in_error(referral_id: UUID) -> ResponseReturnValue:
    """Mark the referral as entered in error, for good."""
    form, after = EnterInErrorForm(), url_for("referrals.overview", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            entered_in_error.enter_in_error(form.command(), referral_id, text=form.reason_text.data or "")
            flashes.flash_success(
                "The referral is marked as entered in error",
                link=("Back to work", url_for("work_queue.home")),
            )
            return redirect(after)
    return render_referral_page(
        "referrals/enter_in_error.html",
        referral_id,
        section="overview",
        form=form,
        version=referral_version,
        more=_what_happens,
    )


def _what_happens(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    if (
        request.method == "GET"
        and ReferralState.ENTERED_IN_ERROR not in REFERRAL_TRANSITIONS[head.referral.state]
    ):
        raise TransitionNotAllowed(
            "A closed referral has to be reopened first; one that is marked already stays so."
        )
    cards = onward_cards(session, head.referral.id)
    return {
        "live": [card for card in cards if card.state in LIVE_ONWARD_STATES],
        "others": related_referrals(session, head.referral),
    }
