"""The directory kept: organisations and services added, changed, retired; capacity said for a provider."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.forms import (
    NewProviderForm,
    NewServiceForm,
    ProviderForm,
    ServiceCapacityForm,
    ServiceForm,
)
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.providers.directory_pages import provider_view, service_line
from victim_gateway.services.providers import editing
from victim_gateway.services.providers.capacity import set_service_capacity
from victim_gateway.services.providers.directory_rows import stored_entries
from victim_gateway.services.shared.command import Command
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

_PROVIDER_STEPS = {
    "retire": (editing.retire_provider, "The provider is no longer offered. Old records keep it."),
    "restore": (editing.restore_provider, "The provider is offered again."),
}
_SERVICE_STEPS = {
    "retire": (editing.retire_service, "The service is no longer offered. Old records keep it."),
    "restore": (editing.restore_service, "The service is offered again."),
}


@bp.route("/directory/providers/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def add_provider() -> ResponseReturnValue:
    """Add an organisation."""
    form, after = NewProviderForm(), url_for("providers.directory")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            provider_id = editing.add_provider(form.command(), form.cells())
            flash_success("The organisation was added. Add its services next.")
            return redirect(url_for("providers.provider", provider_id=provider_id))
    return render_form("providers/provider_form.html", form, found=None)


@bp.route("/directory/providers/<uuid:provider_id>/change", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def change_provider(provider_id: UUID) -> ResponseReturnValue:
    """Describe an organisation anew."""
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=times.london_date(times.now()))
    form = ProviderForm(
        data={
            "provider_name": found.name,
            "provider_description": found.description,
            "active_from": found.active_from,
            "active_until": found.active_until,
        }
    )
    after = url_for("providers.provider", provider_id=provider_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            editing.change_provider(form.command(), provider_id, form.cells())
            flash_success("The organisation was changed")
            return redirect(after)
    return render_form("providers/provider_form.html", form, version=found.version, found=found)


@bp.post("/directory/providers/<uuid:provider_id>/<any(retire,restore):change_kind>")
@requires(Permission.MANAGE_DIRECTORY)
def retire_provider(provider_id: UUID, change_kind: str) -> ResponseReturnValue:
    """Stop offering a provider, or offer it again."""
    make_step, done = _PROVIDER_STEPS[change_kind]
    make_step(_seen_command(), provider_id)
    flash_success(done)
    return redirect(url_for("providers.provider", provider_id=provider_id))


@bp.route("/directory/providers/<uuid:provider_id>/services/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def add_service(provider_id: UUID) -> ResponseReturnValue:
    """Add a service."""
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=times.london_date(times.now()))
    form, after = NewServiceForm(), url_for("providers.provider", provider_id=provider_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            service_id = editing.add_service(form.command(), provider_id, form.cells())
            flash_success("The service was added. Say how many people it can take.")
            return redirect(url_for("providers.capacity", service_id=service_id))
    return render_form("providers/service_form.html", form, back=after, provider_name=found.name, is_new=True)


@bp.route("/directory/services/<uuid:service_id>/change", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def change_service(service_id: UUID) -> ResponseReturnValue:
    """Describe a service anew."""
    with transaction(signed_in_actor()) as session:
        line = service_line(session, service_id, today=times.london_date(times.now()))
        (entry,) = stored_entries(session, service_id)
    form, after = ServiceForm(), url_for("providers.service", service_id=service_id)
    if not form.is_submitted():
        form.fill(entry)
    elif form.validate_on_submit():
        with save_or_refuse(form, then=after):
            editing.change_service(form.command(), service_id, form.cells())
            flash_success("The service was changed")
            return redirect(after)
    return render_form(
        "providers/service_form.html",
        form,
        version=line.version,
        back=after,
        provider_name=line.provider_name,
        is_new=False,
    )


@bp.post("/directory/services/<uuid:service_id>/<any(retire,restore):change_kind>")
@requires(Permission.MANAGE_DIRECTORY)
def retire_service(service_id: UUID, change_kind: str) -> ResponseReturnValue:
    """Stop offering a service, or offer it again."""
    make_step, done = _SERVICE_STEPS[change_kind]
    make_step(_seen_command(), service_id)
    flash_success(done)
    return redirect(url_for("providers.service", service_id=service_id))


@bp.route("/directory/services/<uuid:service_id>/capacity", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def capacity(service_id: UUID) -> ResponseReturnValue:
    """Say for a provider how many people its service can take."""
    with transaction(signed_in_actor()) as session:
        line = service_line(session, service_id, today=times.london_date(times.now()))
    form, after = ServiceCapacityForm(), url_for("providers.service", service_id=service_id)
    if not form.is_submitted():
        form.fill(line.capacity)
    elif form.validate_on_submit():
        with save_or_refuse(form, then=after):
            set_service_capacity(form.command(), service_id, form.statement())
            flash_success("How many people the service can take was saved")
            return redirect(after)
    return render_form("providers/capacity.html", form, version=line.version, line=line, back=after)


def _seen_command() -> Command:
    return Command(signed_in_actor(), times.now(), version=request.form.get("version", type=int))
