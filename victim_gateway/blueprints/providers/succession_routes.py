"""A provider's contract goes to another: who takes over, what would move, the yes to it, and how far it is."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.forms import SuccessionAnswerForm, SuccessorForm, successor_form
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.provider_vocabulary import StayReason
from victim_gateway.queries.providers.directory_pages import (
    ProviderView,
    list_successors,
    provider_view,
)
from victim_gateway.queries.providers.successions import succession_view
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
    StayReason.COULD_NOT_BE_MOVED: "It could not be moved, for a fault: ask your administrator",
    StayReason.NOT_SAFE_TO_HAND_OVER: "How to contact the person safely must be settled first",
}


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
    """Where each service goes; workers then look at what would happen."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=today)
        taking = provider_view(session, successor_id, today=today)
    form = successor_form(
        [(str(line.service_id), line.name) for line in found.services],
        [(str(line.service_id), line.name) for line in taking.services if not line.is_retired],
    )
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("providers.provider", provider_id=provider_id)):
            opened = succession.open_succession(form.command(), _plan(form, found, successor_id))
            return redirect(_url(opened))
    return render_form("providers/successor_services.html", form, found=found, taking=taking)


@bp.get("/directory/successions/<uuid:succession_id>")
@requires(Permission.NAME_SUCCESSOR)
def show_succession(succession_id: UUID) -> ResponseReturnValue:
    """How far it is; what would happen, to be agreed to; and what became of it."""
    return _page(succession_id, SuccessionAnswerForm())


@bp.get("/directory/successions/<uuid:succession_id>/progress")
@requires(Permission.NAME_SUCCESSOR)
def succession_progress(succession_id: UUID) -> ResponseReturnValue:
    """Only how far it is, which an open page fetches again."""
    with transaction(signed_in_actor()) as session:
        found = succession_view(session, succession_id, is_listed=False)
    return render_template("providers/_succession_progress.html", found=found)


@bp.post("/directory/successions/<uuid:succession_id>/agree")
@requires(Permission.NAME_SUCCESSOR)
def agree_succession(succession_id: UUID) -> ResponseReturnValue:
    """The yes to what the page shows."""
    form, after = SuccessionAnswerForm(), _url(succession_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            succession.agree_succession(form.command(), succession_id)
            flash_success("Agreed. Their work moves now, those at high risk first.")
            return redirect(after)
    return _page(succession_id, form)


@bp.post("/directory/successions/<uuid:succession_id>/discard")
@requires(Permission.NAME_SUCCESSOR)
def discard_succession(succession_id: UUID) -> ResponseReturnValue:
    """Lay aside what was looked at."""
    form = SuccessionAnswerForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=_url(succession_id)):
            provider_id = succession.discard_succession(form.command(), succession_id)
            flash_success("Laid aside. Nothing was moved.")
            return redirect(url_for("providers.provider", provider_id=provider_id))
    return _page(succession_id, form)


def _page(succession_id: UUID, form: SuccessionAnswerForm) -> ResponseReturnValue:
    with transaction(signed_in_actor()) as session:
        found = succession_view(session, succession_id)
        record_audit(
            session,
            "provider.succession_seen",
            subject_type="provider",
            subject_id=found.provider_id,
            shown=[each.reference for each in found.staying],
        )
    page = render_template("providers/succession.html", form=form, found=found, stays=STAYS)
    return page, form.refusal.status if form.refusal else 200


def _url(succession_id: UUID) -> str:
    return url_for("providers.show_succession", succession_id=succession_id)


def _plan(form: SuccessorForm, found: ProviderView, successor_id: UUID) -> SuccessionPlan:
    chosen = {line.service_id: form[f"service_{line.service_id}"].data for line in found.services}
    return SuccessionPlan(
        found.id, successor_id, {service: UUID(target) for service, target in chosen.items() if target}
    )
