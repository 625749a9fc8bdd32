"""A provider's page of its own services: how many people each can take, set in one step, confirmed in one click."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.directory_routes import stale_after_days
from victim_gateway.blueprints.providers.forms import ServiceCapacityForm
from victim_gateway.blueprints.providers.presenters import change_texts
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.queries.providers.directory_pages import (
    DirectoryLine,
    directory_changes,
    list_kept_services,
)
from victim_gateway.services.providers.capacity import confirm_service_capacity, set_service_capacity
from victim_gateway.services.shared.command import Command
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


@bp.get("/our-service")
@requires(Permission.MANAGE_OWN_SERVICE)
def our_service() -> ResponseReturnValue:
    """Can we take more people? Each service with what caseworkers see of it."""
    actor, today = signed_in_actor(), times.london_date(times.now())
    with transaction(actor) as session:
        services = _kept_services(session, actor, today)
    return render_template(
        "providers/our_service.html", services=services, today=today, stale_after=stale_after_days()
    )


@bp.route("/our-service/<uuid:own_service_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_OWN_SERVICE)
def own_capacity(own_service_id: UUID) -> ResponseReturnValue:
    """Say how many people one service can take, and see what was said before."""
    actor, today = signed_in_actor(), times.london_date(times.now())
    with transaction(actor) as session:
        kept = _kept_services(session, actor, today)
        line = next((each for each in kept if each.service_id == own_service_id), None)
        if line is None:
            raise NotFound
        changes, _ = directory_changes(session, service_id=own_service_id)
    form, after = ServiceCapacityForm(), url_for("providers.our_service")
    if not form.is_submitted():
        form.fill(line.capacity)
    elif form.validate_on_submit():
        with save_or_refuse(form, then=after):
            set_service_capacity(form.command(), own_service_id, form.statement())
            flash_success("Caseworkers see this from now on")
            return redirect(after)
    return render_form(
        "providers/capacity.html",
        form,
        version=line.version,
        line=line,
        back=after,
        changes=change_texts(changes, for_provider=True),
    )


@bp.post("/our-service/<uuid:own_service_id>/confirm")
@requires(Permission.MANAGE_OWN_SERVICE)
def confirm_capacity(own_service_id: UUID) -> ResponseReturnValue:
    """Say that what stands is still right."""
    version = request.form.get("version", type=int)
    confirm_service_capacity(Command(signed_in_actor(), times.now(), version=version), own_service_id)
    flash_success("Thank you. Caseworkers see that it is up to date")
    return redirect(url_for("providers.our_service"))


def _kept_services(session: Session, actor: Actor, today: date) -> list[DirectoryLine]:
    return list_kept_services(session, actor.organisation_id, today=today) if actor.organisation_id else []
