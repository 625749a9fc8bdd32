"""A provider that cannot help, or not any more: proposes another service, gives the person back, takes a decline back.

And that it has read what the Gateway corrected, which is said with a button.
"""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of
from victim_gateway.blueprints.onward_referrals.group_forms import (
    OfferGroupForm,
    ProposeServiceForm,
    ReturnForm,
)
from victim_gateway.blueprints.onward_referrals.typed_fields import read_row_id, read_row_ids
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.queries.onward_referrals.eligibility import proposable_services
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.transitions import ONWARD_TRANSITIONS
from victim_gateway.services import onward_referrals
from victim_gateway.vocabulary import DeclineReason, OnwardState
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import opens_by_link, requires
from victim_gateway.web.sessions import signed_in_actor

_TOO_LATE = "This can't be done any more, or not yet. Open the referral to see how it stands."


@bp.route("/onward-referrals/<uuid:onward_referral_id>/propose", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def propose(onward_referral_id: UUID) -> ResponseReturnValue:
    """Decline, and name a service of the directory that would fit better; the Gateway decides."""
    form, after = ProposeServiceForm(), url_for("onward_referrals.inbox")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.decline_onward_referral(
                form.command(),
                onward_referral_id,
                reason=DeclineReason.NEEDS_ANOTHER_SERVICE,
                text=form.reason_text.data,
                proposed_service_id=read_row_id(form.proposed.data),
            )
            flash_success(
                "You have declined, and the caseworker knows what you propose. You no longer see it."
            )
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and OnwardState.DECLINED not in ONWARD_TRANSITIONS[found.state]:
        raise TransitionNotAllowed(_TOO_LATE)
    form.offer(_directory(found.provider_id))
    return render_form("onward_referrals/propose.html", form, version=found.version, found=found)


@bp.route("/onward-referrals/<uuid:onward_referral_id>/return", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def give_back(onward_referral_id: UUID) -> ResponseReturnValue:
    """Give the person back to the Gateway, with a reason and what would fit better, if anything."""
    form, after = ReturnForm(), url_for("onward_referrals.inbox")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.return_onward_referral(
                form.command(),
                onward_referral_id,
                onward_referrals.ReturnAnswers(
                    ReturnReason(form.reason.data),
                    form.reason_text.data or "",
                    read_row_id(form.proposed.data),
                ),
            )
            flash_success("You gave them back. The caseworker knows, and you no longer see this referral.")
            return redirect(after)
    found = onward_referral_of(onward_referral_id)
    if request.method == "GET" and OnwardState.RETURNED not in ONWARD_TRANSITIONS[found.state]:
        raise TransitionNotAllowed(_TOO_LATE)
    form.offer(_directory(found.provider_id))
    return render_form("onward_referrals/give_back.html", form, version=found.version, found=found)


@bp.post("/onward-referrals/<uuid:onward_referral_id>/corrections/read")
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
@opens_by_link
def acknowledge_corrections(onward_referral_id: UUID) -> ResponseReturnValue:
    """Say that what the Gateway corrected has been read; the caseworker sees who and when."""
    form = OfferGroupForm()
    after = url_for("onward_referrals.detail", onward_referral_id=onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            notice_ids = read_row_ids(request.form.getlist("notice"))
            onward_referrals.acknowledge_corrections(
                form.command(), onward_referral_id, notice_ids=notice_ids
            )
            flash_success("The caseworker sees that you have read it.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


@bp.post("/inbox/declined/<uuid:notice_id>/by-mistake")
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def declined_by_mistake(notice_id: UUID) -> ResponseReturnValue:
    """Say that a decline was a mistake; nothing of the person is shown until the Gateway reinstates it."""
    form, after = OfferGroupForm(), url_for("onward_referrals.inbox")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            onward_referrals.report_mistaken_decline(form.command(), notice_id)
            flash_success("The caseworker was told. They decide whether you are offered it again.")
            return redirect(after)
    if form.refusal is not None:
        raise form.refusal
    return redirect(after)


def _directory(provider_id: UUID) -> tuple[DirectoryService, ...]:
    with transaction(signed_in_actor()) as session:
        return proposable_services(session, provider_id, times.london_date(times.now()))
