"""The state of the system: the checks of `gateway doctor`, the waiting work, and parked queue items."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.blueprints.operations.forms import ConfirmDiscardForm, DiscardAllForm
from victim_gateway.queries.operations.backlog import current_backlog
from victim_gateway.queries.operations.failed_messages import failed_message_counts
from victim_gateway.queries.operations.parked_messages import parked_message, parked_message_list
from victim_gateway.services.operations import health, parked_messages
from victim_gateway.vocabulary import ParkReason
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("system", __name__, url_prefix="/system", template_folder="templates")

CHECK_LABELS = {
    "database": "Database",
    "schema": "Tables",
    "area": "Area",
    "keys": "Keys",
    "calendar": "Bank holidays",
    "outbox": "Tasks to be passed on",
    "messages": "E-mails that failed",
    "to_people": "Messages to people",
    "templates": "Wordings at Notify",
    "broker": "Queue",
    "worker": "Worker",
    "scheduler": "Scheduler",
    "delivery": "Delivery to staff and providers",
    "channels": "Ways to send messages",
    "scanner": "Virus scanner",
    "audit": "Check of the audit",
    "replica": "Copy for figures",
    "matching": "Records that are one person",
    "contact": "How the public reaches us",
}
PARK_REASONS = {
    ParkReason.TOO_LARGE: "Too large",
    ParkReason.NOT_JSON: "Not JSON",
    ParkReason.NOT_A_TASK: "Not a task",
    ParkReason.UNKNOWN_TASK: "Unknown task",
    ParkReason.WRONG_ARGUMENTS: "Wrong arguments",
    ParkReason.NO_QUEUE: "Not a queue",
}


@bp.get("/state")
@requires(Permission.VIEW_SYSTEM)
def state() -> ResponseReturnValue:
    """Show the health checks and the backlog."""
    at, watcher = times.now(), Actor.worker("system state")
    checks = health.check_health(current_app.extensions["settings"], actor=watcher, at=at)
    return render_template(
        "operations/system_state.html",
        checks=checks,
        wrong=[check for check in checks if not check.is_right],
        warnings=[check for check in checks if check.is_right and check.is_warning],
        check_labels=CHECK_LABELS,
        park_reasons=PARK_REASONS,
        waiting=current_backlog(actor=watcher),
        failed=failed_message_counts(actor=signed_in_actor()),
        parked=parked_message_list(actor=signed_in_actor()),
    )


@bp.route("/parked-messages/<uuid:message_id>/discard", methods=["GET", "POST"])
@requires(Permission.VIEW_SYSTEM)
def discard(message_id: UUID) -> ResponseReturnValue:
    """Ask, then record that a parked queue item was dealt with."""
    form, after = ConfirmDiscardForm(), url_for("system.state")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            parked_messages.discard_parked_message(form.command(), message_id)
            flash_success("The queue item is discarded")
            return redirect(after)
    message = parked_message(message_id, actor=signed_in_actor())
    return render_form("operations/discard.html", form, message=message, reasons=PARK_REASONS)


@bp.route("/parked-messages/discard", methods=["GET", "POST"])
@requires(Permission.VIEW_SYSTEM)
def discard_all() -> ResponseReturnValue:
    """Ask, then discard all parked queue items that were there when the question was asked."""
    form, after = DiscardAllForm(parked_until=times.now().isoformat()), url_for("system.state")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            count = parked_messages.discard_all_parked_messages(form.command(), parked_until=form.moment)
            flash_success(f"{count:,} queue {'item is' if count == 1 else 'items are'} discarded")
            return redirect(after)
    parked = parked_message_list(actor=signed_in_actor())
    return render_form("operations/discard_all.html", form, parked=parked)
