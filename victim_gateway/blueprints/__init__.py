"""The areas of pages. Each is a folder with its own routes, forms and templates; they link by `url_for`."""

from __future__ import annotations

from flask import Flask

from victim_gateway.blueprints import (
    accounts,
    compliance,
    imports,
    onward_referrals,
    operations,
    people,
    privacy,
    providers,
    referrals,
    reminders,
    victim_messages,
)
from victim_gateway.blueprints.operations.metrics import measure_requests

AREAS = (
    referrals,
    people,
    accounts,
    compliance,
    imports,
    onward_referrals,
    providers,
    reminders,
    operations,
    privacy,
    victim_messages,
)


def register_blueprints(app: Flask) -> None:
    """Register the pages of every area, and count the requests that they answer."""
    for area in AREAS:
        for blueprint in area.BLUEPRINTS:
            app.register_blueprint(blueprint)
    measure_requests(app)
