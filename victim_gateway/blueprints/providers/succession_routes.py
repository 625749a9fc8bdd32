"""A provider's contract goes to another: who takes over, what would move and what stays, then the yes to it."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.forms import SuccessorForm, successor_form
from victim_gateway.database.transaction import transaction
from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.queries.providers.directory_pages import (
    ProviderView,
    list_successors,
    provider_view,
)
from victim_gateway.services.onward_referrals import succession
from victim_gateway.services.onward_referrals.succession import SuccessionPlan
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

STAYS = {
    StayReason.RESTRICTED: "Restricted: only those named on it decide",
    StayReason.SAID_NO: "The person has said no to the successor, or taken a yes back",
    StayReason.NOT_AGREED: "Nothing stands on which it could be shared",
    StayReason.LIMITED_YES: "The person agreed to less with the successor",
    StayReason.WITHOUT_CONSENT: "Shared without consent, with this provider alone",
    StayReason.WRITTEN_FOR_PROVIDER: "The person agreed on paper, which names this provider",
    StayReason.OWN_YES_NEEDED: "The service takes people only with their own explicit yes",
    StayReason.NAMED_IN_HANDOVER: "What was handed over names this provider",
    StayReason.NO_SERVICE: "No service was chosen for it",
    StayReason.THERE_ALREADY: "The person is referred on to that service already",
    StayReason.DOES_NOT_FIT: "The new service does not fit the person",
    StayReason.ANSWERS_NEEDED: "The new service is of another kind, whose questions were not asked",
    StayReason.SERVICE_PAUSED: "The person is not to be offered to that service for now",
    StayReason.CAME_OF_AGE: "The person has turned 18 and was not asked themselves yet",
    StayReason.NOT_SAFE_TO_HAND_OVER: "How to contact the person safely must be settled first",
}
CHECK, SEND = "check", "send"


@bp.get("/directory/providers/<uuid:provider_id>/successor")
@requires(Permission.NAME_SUCCESSOR)
def successor(provider_id: UUID) -> ResponseReturnValue:
    """Choose who takes over."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=today)
        choices = list_successors(session, provider_id)
    return render_template("providers/successor.html", found=found, choices=choices)


@bp.route("/directory/providers/<uuid:provider_id>/successor/<uuid:successor_id>", methods=["GET", "POST"])
@requires(Permission.NAME_SUCCESSOR)
def name_successor(provider_id: UUID, successor_id: UUID) -> ResponseReturnValue:
    """Where each service goes; then what would happen, in counts; then it is done."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=today)
        taking = provider_view(session, successor_id, today=today)
    form = successor_form(
        [(str(line.service_id), line.name) for line in found.services],
        [(str(line.service_id), line.name) for line in taking.services if not line.is_retired],
    )
    step, after = request.form.get("step"), url_for("providers.provider", provider_id=provider_id)
    if form.validate_on_submit():
        plan = _plan(form, found, successor_id)
        if step == SEND:
            with save_or_refuse(form, then=after):
                done = succession.name_successor(form.command(), plan, digest=form.digest.data or "")
                flash_success(
                    f"{done.successor_name} took over: {done.moving} moved, {sum(done.stays.values())} stayed"
                )
                return redirect(after)
        if step in (CHECK, SEND):
            return _interruption(form, plan, found)
    return render_form("providers/successor_services.html", form, found=found, taking=taking)


def _plan(form: SuccessorForm, found: ProviderView, successor_id: UUID) -> SuccessionPlan:
    chosen = {line.service_id: form[f"service_{line.service_id}"].data for line in found.services}
    return SuccessionPlan(
        found.id, successor_id, {service: UUID(target) for service, target in chosen.items() if target}
    )


def _interruption(form: SuccessorForm, plan: SuccessionPlan, found: ProviderView) -> ResponseReturnValue:
    """What would happen now, to be looked at before it does."""
    preview = succession.preview_succession(form.command(), plan)
    form.digest.data = preview.digest
    status = form.refusal.status if form.refusal else 200
    return (
        render_template(
            "providers/successor_check.html",
            form=form,
            found=found,
            preview=preview,
            stays=STAYS,
            chosen={name: form[name].data for name in form.data if name.startswith("service_")},
        ),
        status,
    )
