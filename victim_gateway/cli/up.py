"""Start everything and keep it running until Ctrl-C: what `make run` calls."""

from __future__ import annotations

import os

import click

from config import load
from config.logging import configure
from victim_gateway.cli._supervisor import Supervisor
from victim_gateway.errors import InvalidInput
from victim_gateway.integrations.embedded import SharedServers


@click.command(help=__doc__)
@click.option("--port", type=click.IntRange(1, 65535), help="Where to serve; default PORT, else 8000.")
@click.option("--demo", is_flag=True, help="Load demo data if there are no accounts yet.")
def command(port: int | None, demo: bool) -> None:
    # the children read it, and the public address follows from it
    if port is not None:
        os.environ["PORT"] = str(port)
    settings = load()
    if demo and settings.is_production:
        raise InvalidInput("demo data is not for production: leave --demo out")
    configure(settings)
    with Supervisor.alone(settings) as supervisor, SharedServers(settings) as servers:
        supervisor.run(servers, demo=demo)
