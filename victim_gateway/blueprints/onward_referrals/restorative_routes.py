"""Restorative justice after domestic or sexual abuse: the caseworker asks, a senior caseworker decides."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.forms import (
    YES,
    RestorativeDecisionForm,
    RestorativeRequestForm,
)
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts, rank_services
from victim_gateway.queries.onward_referrals.handover import can_be_referred_on
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.queries.referrals.timeline import timeline_page
from victim_gateway.rules.restorative_justice import phrase_needed
from victim_gateway.services import onward_referrals
from victim_gateway.vocabulary import TaskKind
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import BaseForm, render_form, save_or_refuse
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor


@bp.route("/referrals/<uuid:referral_id>/restorative-justice", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def restorative_justice(referral_id: UUID) -> ResponseReturnValue:
    """What to think of first; a caseworker asks a senior from here, and a senior finds the way to decide."""
    form, after = RestorativeRequestForm(), url_for("onward_referrals.refer_on", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.request_restorative_justice(
                form.command(), referral_id, text=form.reason.data or ""
            )
            flash_success("A senior caseworker was asked. They have one working day.")
            return redirect(after)
    return _page("onward_referrals/restorative_request.html", form, referral_id)


@bp.route("/referrals/<uuid:referral_id>/restorative-justice/decide", methods=["GET", "POST"])
@requires(Permission.APPROVE_RESTORATIVE_JUSTICE)
def decide_restorative_justice(referral_id: UUID) -> ResponseReturnValue:
    """A senior caseworker says yes or no, with the reason."""
    form, after = RestorativeDecisionForm(), url_for("onward_referrals.refer_on", referral_id=referral_id)
    if form.validate_on_submit():
        agreed = form.decision.data == YES
        with save_or_refuse(form, then=after):
            onward_referrals.decide_restorative_justice(
                form.command(), referral_id, agreed=agreed, text=form.reason.data or ""
            )
            flash_success("Your yes was recorded" if agreed else "Your no was recorded")
            return redirect(after)
    return _page("onward_referrals/restorative_decision.html", form, referral_id)


def _page(template: str, form: BaseForm, referral_id: UUID) -> ResponseReturnValue:
    now = times.now()
    with transaction(signed_in_actor()) as session:
        top = referral_header(session, referral_id, at=now, page="restorative_justice")
        facts = gather_eligibility_facts(session, referral_id, times.london_date(now))
        fits = rank_services(session, referral_id, facts, times.london_date(now))
        can_offer = can_be_referred_on(session, top.referral)
        entries, _ = timeline_page(session, referral_id, top.key, limit=200)
    asked = [entry for entry in entries if entry.event == "restorative_justice.requested"]
    return render_form(
        template,
        form,
        version=top.referral.version,
        top=top,
        facts=facts,
        after=phrase_needed(facts.needed_yes),
        asked=asked[0] if asked else None,
        is_asked=any(task.kind is TaskKind.RESTORATIVE_JUSTICE_DECISION for task in top.tasks),
        offers=[
            fit
            for fit in fits
            if fit.service.is_restorative
            and fit.fits
            and not (fit.needs_senior_yes or fit.is_offered)
            and can_offer
        ],
        running=any(fit.is_offered and fit.service.is_restorative for fit in fits),
        may_decide=may_use(Permission.APPROVE_RESTORATIVE_JUSTICE),
    )
