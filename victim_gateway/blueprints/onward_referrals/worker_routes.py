"""Which worker of the provider has an onward referral: given one by one, or all that one worker has."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.onward_referrals.blueprint import bp
from victim_gateway.blueprints.onward_referrals.common import onward_referral_of
from victim_gateway.blueprints.onward_referrals.record_forms import WorkerForm, WorkerHandoverForm
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.queries.onward_referrals.provider_workers import find_worker_load, workers_with_access
from victim_gateway.queries.onward_referrals.service_records import service_record
from victim_gateway.rules.service_records import MOST_GIVEN_AT_ONCE, WORKING_STATES
from victim_gateway.service_record_vocabulary import WorkerChangeReason
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import WorkerChange, WorkerHandover
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


@bp.route("/onward-referrals/<uuid:onward_referral_id>/worker", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def worker(onward_referral_id: UUID) -> ResponseReturnValue:
    """Give one onward referral to a worker, with all who had it before."""
    found, actor = onward_referral_of(onward_referral_id), signed_in_actor()
    with transaction(actor) as session:
        record = service_record(session, onward_referral_id, is_provider=True)
        workers = workers_with_access(session, actor.organisation_id, found.service_id)
    live = record.worker
    form = WorkerForm(
        workers=[each for each in workers if live is None or each.user_id != live.worker_id],
        has_worker=live is not None,
    )
    after = _url(onward_referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            chosen = None if form.worker.data == "none" else UUID(form.worker.data)
            change = WorkerChange(chosen, WorkerChangeReason(form.reason.data), form.reason_text.data)
            clashing = onward_referrals.give_to_worker(form.command(), onward_referral_id, change)
            said = "It was recorded who works with this person"
            if clashing:
                said += f". Their appointments with {', '.join(clashing)} now take the same time."
            flash_success(said)
            return redirect(after)
    if request.method == "GET" and found.state not in WORKING_STATES:
        raise TransitionNotAllowed("Accept this referral first: then it can be given to a worker.")
    return render_form(
        "onward_referrals/worker.html", form, version=found.version, found=found, record=record
    )


@bp.route("/inbox/workers/<uuid:user_id>", methods=["GET", "POST"])
@requires(Permission.RESPOND_TO_ONWARD_REFERRAL)
def worker_handover(user_id: UUID) -> ResponseReturnValue:
    """Give all that a worker has to one or several others, as when the worker leaves."""
    actor = signed_in_actor()
    with transaction(actor) as session:
        load = find_worker_load(session, user_id)
        workers = workers_with_access(session, actor.organisation_id)
    form = WorkerHandoverForm(workers=[each for each in workers if each.user_id != user_id])
    after = url_for("onward_referrals.worker_handover", user_id=user_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            done = onward_referrals.hand_over_worker(
                form.command(times.now()),
                user_id,
                [UUID(each) for each in form.to_workers.data or ()],
                WorkerChangeReason(form.reason.data),
            )
            flash_success(_describe_handover(done))
            return redirect(url_for("onward_referrals.inbox") if not done.left else after)
    return render_form("onward_referrals/worker_handover.html", form, load=load, most=MOST_GIVEN_AT_ONCE)


def _describe_handover(done: WorkerHandover) -> str:
    said = f"{done.given} referral{'' if done.given == 1 else 's'} given to others."
    if done.refused:
        said += f" Changed meanwhile, and left where they are: {', '.join(done.refused)}."
    if done.clashing:
        said += f" These appointments now take the same time as another: {', '.join(done.clashing)}."
    return f"{said} {done.left} still to give." if done.left else said


def _url(onward_referral_id: UUID) -> str:
    return url_for("onward_referrals.detail", onward_referral_id=onward_referral_id)
