"""`/health/live`, `/health/ready` and `/metrics`."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.blueprints.operations.metrics import metrics_text
from victim_gateway.services.operations import health
from victim_gateway.web.permissions import public

bp = Blueprint("health", __name__)

WATCHER = "health"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
_LOOPBACK = ("127.0.0.1", "::1")


@bp.get("/health/live")
@public
def live() -> ResponseReturnValue:
    """Report that this process answers, without asking the database or the broker."""
    return jsonify(status="live")


@bp.get("/health/ready")
@public
def ready() -> ResponseReturnValue:
    """Report whether requests can be served. What is missing is said only by `gateway doctor`, not to strangers."""
    settings = current_app.extensions["settings"]
    if health.is_ready(settings, actor=Actor.worker(WATCHER)):
        return jsonify(status="ready")
    return jsonify(status="not ready"), 503, {"Retry-After": "5"}


@bp.get("/metrics")
@public
def metrics() -> ResponseReturnValue:
    """Metrics for Prometheus, for a collector on this machine only; for any other address 404."""
    if not _is_local():
        abort(404)
    settings = current_app.extensions["settings"]
    text = metrics_text(settings, actor=Actor.worker(WATCHER), at=times.now())
    return text, 200, {"Content-Type": CONTENT_TYPE_LATEST}


def _is_local() -> bool:
    # An undeclared proxy on this machine would make every remote address look local.
    is_forwarded = any(name in request.headers for name in _FORWARDED)
    trusted = current_app.extensions["settings"].trusted_proxies
    return request.remote_addr in _LOOPBACK and (not is_forwarded or bool(trusted))
