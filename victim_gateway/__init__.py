"""The Victim Gateway: referrals of victims of crime, from the report to the support that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from config import Settings


def create_app_without_pages(settings: Settings | None = None) -> Flask:
    """Build the app context of workers and commands: settings, database and queue, but no page.

    Reading the pages takes a second of every start and memory of every worker, and neither shows one.
    `settings` default to those of the environment. Raises config.SettingsError when one is wrong.
    """
    from victim_gateway.database.app_setup import bind_extensions, bind_settings

    app = Flask(__name__)
    bind_settings(app, settings)
    bind_extensions(app)
    return app


def create_app(settings: Settings | None = None) -> Flask:
    """Build the Flask application that serves the pages and the API.

    `settings` default to those of the environment. Raises config.SettingsError when one is wrong.
    """
    from victim_gateway.database.app_setup import bind_extensions, bind_settings
    from victim_gateway.web.uploads import register_uploads

    app = Flask(__name__)
    bind_settings(app, settings)
    # Before the CSRF check, which is the first code that reads a request body.
    register_uploads(app)
    bind_extensions(app)

    from victim_gateway.blueprints import register_blueprints
    from victim_gateway.web import register_web
    from victim_gateway.web.sessions import register_sessions

    loaded = app.extensions["settings"]
    app.config["AREA_NAME"] = loaded.area.name
    register_sessions(app)
    register_web(app, production=loaded.is_production)
    register_blueprints(app)
    return app
