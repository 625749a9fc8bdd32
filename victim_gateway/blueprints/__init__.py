"""The areas of pages. Each is a folder with its own routes, forms and templates; they link by `url_for`."""

from __future__ import annotations

from flask import Flask

from victim_gateway.blueprints.accounts import bp as accounts
from victim_gateway.blueprints.compliance import bp as compliance
from victim_gateway.blueprints.health import register_health
from victim_gateway.blueprints.imports import bp as imports
from victim_gateway.blueprints.intake import bp as intake
from victim_gateway.blueprints.onward import bp as onward
from victim_gateway.blueprints.referrals import bp as referrals
from victim_gateway.blueprints.reminders import bp as reminders
from victim_gateway.blueprints.search import bp as search
from victim_gateway.blueprints.system import audit, state, users
from victim_gateway.blueprints.work import bp as work


def register_blueprints(app: Flask) -> None:
    """Every area that there is."""
    for area in (
        work,
        referrals,
        search,
        intake,
        accounts,
        compliance,
        imports,
        onward,
        reminders,
        users.bp,
        state.bp,
        audit.bp,
    ):
        app.register_blueprint(area)
    register_health(app)
