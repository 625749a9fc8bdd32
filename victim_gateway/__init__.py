"""The Victim Gateway: referrals of victims of crime, from the report to the support that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The web application, also the context in which workers and commands run.

    `settings` default to those of the environment. Raises config.SettingsError when one is wrong.
    """
    from victim_gateway.binding import bind_extensions, bind_settings

    app = Flask(__name__)
    bind_settings(app, settings)
    bind_extensions(app)

    from victim_gateway.blueprints import register_blueprints
    from victim_gateway.web import register_web

    register_web(app)
    register_blueprints(app)
    return app
