"""Start everything and keep it running until Ctrl-C: what `make run` calls."""

from __future__ import annotations

import os
import socket
import sys
from functools import partial

import click
import psycopg

from config import Settings, load_settings
from config.logging import configure_logging
from victim_gateway.cli import Failed
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.demo import DEMO_ADDRESS, DEMO_PASSWORD
from victim_gateway.devservers import SharedServers
from victim_gateway.devservers.home import Home
from victim_gateway.devservers.notify_stand_in import STAND_IN_KEY
from victim_gateway.devservers.supervisor import HOST, StandInPorts, Supervisor
from victim_gateway.errors import InvalidInput

_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"
_DEMO_SIGN_INS = f"%@{DEMO_ADDRESS}"


@click.command(help=__doc__)
@click.option("--port", type=click.IntRange(1, 65535), help="Where to serve; default PORT, else 8000.")
@click.option("--demo", is_flag=True, help="Load demo data if there are no accounts yet.")
def command(port: int | None, demo: bool) -> None:
    # the children read it, and the public address follows from it
    if port is not None:
        os.environ["PORT"] = str(port)
    notify_port, free_port = _find_free_ports()
    if demo:
        _use_notify_stand_in(notify_port)
    settings = load_settings()
    if demo and settings.is_production:
        raise InvalidInput("demo data is not for production: leave --demo out")
    configure_logging(settings)
    # A mail server of the user's own wins.
    mail_port = free_port if settings.smtp_url is None or settings.keeps_mail else None
    stand_ins = StandInPorts(notify_port, mail_port) if demo else StandInPorts()
    with (
        Supervisor.with_home_locked(settings, stand_ins=stand_ins) as supervisor,
        SharedServers(settings) as servers,
    ):

        def prepare(servers: SharedServers) -> None:
            upgrade_database(servers.settings)
            if demo and not _list_accounts(servers.settings, "%"):
                _seed_demo(supervisor, servers)

        supervisor.run_children(servers, prepare=prepare, greet=partial(_greet, stand_ins=stand_ins))


def _use_notify_stand_in(port: int) -> None:
    """Let everything to people go to the stand-in for Notify, whatever is set: nothing real is ever reached."""
    os.environ["NOTIFY_API_KEY"] = STAND_IN_KEY
    os.environ["NOTIFY_BASE_URL"] = f"http://{HOST}:{port}"


def _find_free_ports() -> tuple[int, int]:
    """Two ports that are free now, and not the same."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((HOST, 0))
        other.bind((HOST, 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _seed_demo(supervisor: Supervisor, servers: SharedServers) -> None:
    """Load the demonstration in a separate process, with its progress on this terminal."""
    click.echo("Loading demo data ...", err=True)
    if supervisor.run_program([sys.executable, "-c", _GATEWAY, "demo", "seed"], servers) != 0:
        raise Failed("the demo data could not be loaded")


def _greet(settings: Settings, stand_ins: StandInPorts) -> None:
    click.echo(f"\n{settings.area.service_name} is ready: http://{HOST}:{settings.port}")
    accounts = [] if settings.is_production else _list_accounts(settings, _DEMO_SIGN_INS)
    if accounts:
        click.echo(f"\nDemo sign-ins, all with the password {DEMO_PASSWORD}:")
        for email, role in accounts:
            click.echo(f"  {email:<28} {role}")
    for line in _describe_stand_ins(settings, stand_ins):
        click.echo(line)
    click.echo(f"\nLogs are in {Home(settings.home).run}. Press Ctrl-C to stop.\n")


def _describe_stand_ins(settings: Settings, stand_ins: StandInPorts) -> list[str]:
    outbox = f"http://{HOST}:{settings.port}/outbox"
    return [
        *([f"\nE-mails, sent to nobody:       {outbox}/emails"] if stand_ins.mail else []),
        *([f"Messages to people, the same:  {outbox}"] if stand_ins.notify else []),
        *(["Sign in as senior or admin to read them."] if stand_ins.notify else []),
    ]


def _list_accounts(settings: Settings, pattern: str) -> list[tuple[str, str]]:
    """E-mail and role of the accounts whose e-mail fits."""
    url = str(settings.database_url).replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL ROLE gateway_signin")
        found = connection.execute(
            "SELECT email, role FROM app_user WHERE email LIKE %s ORDER BY created_at, email", [pattern]
        )
        return [(str(email), str(role)) for email, role in found]
