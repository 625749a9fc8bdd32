"""For machines that watch over the service: is it alive, is it ready, how much does it do."""

from __future__ import annotations

from flask import Flask

from victim_gateway.blueprints.health.metrics import measure_requests
from victim_gateway.blueprints.health.routes import bp


def register_health(app: Flask) -> None:
    """The three addresses, and the counting of requests that one of them shows."""
    app.register_blueprint(bp)
    measure_requests(app)
