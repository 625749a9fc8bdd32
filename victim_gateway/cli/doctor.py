"""Say of every part of the service whether it is right."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from victim_gateway import create_app_without_pages, times
from victim_gateway.actors import Actor
from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_settings
from victim_gateway.cli._output import emit_json, json_option

if TYPE_CHECKING:
    from config import Settings
    from victim_gateway.services.operations.health import HealthCheck


@click.command(
    help=__doc__ + "\n\nExit status 1 if anything is wrong; a warning is none. Nothing is changed."
)
@json_option
def command(as_json: bool) -> None:
    from victim_gateway.services.operations import health

    with gateway_settings() as settings:
        app = create_app_without_pages(settings)
        with app.app_context():
            actor, at = Actor.worker("doctor"), times.now()
            checks = health.check_health(settings, actor=actor, at=at)
            delivery = _delivery(settings, actor, at) if as_json else None
    if as_json:
        emit_json(
            {
                "right": all(check.is_right for check in checks),
                "delivery": delivery,
                "checks": [
                    {
                        "name": check.name,
                        "right": check.is_right,
                        "warning": check.is_warning,
                        "says": check.finding,
                    }
                    for check in checks
                ],
            }
        )
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{_mark(check)}  {check.name:<{width}}  {check.finding}")
    wrong = [check.name for check in checks if not check.is_right]
    if wrong:
        raise Failed(f"wrong: {', '.join(wrong)}")


def _delivery(settings: Settings, actor: Actor, at: datetime) -> dict[str, Any] | None:
    """The counts of the watching page; None where the database can't be used, which the checks say."""
    from sqlalchemy.exc import SQLAlchemyError

    from victim_gateway.database.area_record import WrongArea
    from victim_gateway.services.operations.delivery_state import read_delivery_state

    try:
        return read_delivery_state(settings, actor=actor, at=at).to_document()
    except (SQLAlchemyError, WrongArea):
        return None


def _mark(check: HealthCheck) -> str:
    if not check.is_right:
        return "WRONG"
    return "LOOK " if check.is_warning else "ok   "
