"""The state of the system: the checks of `gateway doctor`, and the waiting work."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.queries.operations.backlog import current_backlog
from victim_gateway.services.operations import health
from victim_gateway.web.permissions import requires

bp = Blueprint("system", __name__, url_prefix="/system", template_folder="templates")

CHECK_LABELS = {
    "database": "Database",
    "schema": "Tables",
    "area": "Area",
    "keys": "Keys",
    "calendar": "Bank holidays",
    "outbox": "Tasks to be passed on",
    "broker": "Queue",
    "worker": "Worker",
    "scheduler": "Scheduler",
    "channels": "Ways to send messages",
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
        check_labels=CHECK_LABELS,
        waiting=current_backlog(actor=watcher),
    )
