"""Say of every part of the service whether it is right."""

from __future__ import annotations

import click

from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.cli import Failed
from victim_gateway.cli._context import gateway_settings
from victim_gateway.cli._output import emit_json, json_option


@click.command(help=__doc__ + "\n\nExit status 1 if anything is wrong; nothing is changed.")
@json_option
def command(as_json: bool) -> None:
    from victim_gateway.services.operations import health

    with gateway_settings() as settings:
        app = create_app(settings)
        with app.app_context():
            checks = health.check_health(settings, actor=Actor.worker("doctor"), at=times.now())
    if as_json:
        emit_json(
            {
                "right": all(check.is_right for check in checks),
                "checks": [
                    {"name": check.name, "right": check.is_right, "says": check.finding} for check in checks
                ],
            }
        )
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{'ok   ' if check.is_right else 'WRONG'}  {check.name:<{width}}  {check.finding}")
    wrong = [check.name for check in checks if not check.is_right]
    if wrong:
        raise Failed(f"wrong: {', '.join(wrong)}")
