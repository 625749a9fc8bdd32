"""Add accounts, list them, disable them, take a lost second factor away."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_fields, emit_json, emit_table, json_option
from victim_gateway.errors import InvalidInput
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

if TYPE_CHECKING:
    from victim_gateway.queries.accounts.account_list import AccountView

COMMAND = "users"


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name, as colleagues see it.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option(
    "--organisation", default="", help="The provider's key; not needed for the Gateway's own people."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--show-totp", is_flag=True, help="Make a second factor at once and print its secret, this once."
)
@json_option
def add(
    email: str,
    name: str,
    role: str,
    organisation: str,
    password_stdin: bool,
    show_totp: bool,
    as_json: bool,
) -> None:
    """Add the account EMAIL. Without a password it gets a starting one, printed this once."""
    from victim_gateway.services.accounts import administration

    password = _password_from_stdin() if password_stdin else None
    with gateway_app() as app:
        added = administration.add_account(
            Command(Actor.worker(COMMAND), times.now()),
            administration.NewAccount(
                email=email,
                name=name,
                role=Role(role),
                organisation_key=organisation,
                gateway_name=app.extensions["settings"].area.service_name,
                password=password,
                with_second_factor=show_totp,
            ),
        )
    fields = {"email": added.email, "role": role}
    if added.starting_password:
        fields["starting_password"] = added.starting_password
    if added.totp_secret:
        fields["totp_secret"] = added.totp_secret
    _tell(fields, as_json)


@group.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List every account, those that are disabled last."""
    from victim_gateway.queries.accounts import account_list

    with gateway_app():
        found = account_list.list_accounts(actor=Actor.worker(COMMAND))
    rows = [_row(account) for account in found]
    if as_json:
        emit_json(rows)
    else:
        headings = ("email", "name", "role", "organisation", "state", "second_factor", "last_seen_at")
        shown = [[row[heading] for heading in headings] for row in rows]
        emit_table([heading.replace("_", " ") for heading in headings], shown)


@group.command()
@click.argument("email")
@json_option
def disable(email: str, as_json: bool) -> None:
    """Keep the account EMAIL out, from its next request on."""
    from victim_gateway.queries.accounts.account_list import account_by_email
    from victim_gateway.services.accounts import administration

    with gateway_app():
        found = account_by_email(email, actor=Actor.worker(COMMAND))
        administration.disable_account(Command(Actor.worker(COMMAND), times.now()), found.id)
    _tell({"email": found.email, "state": "disabled"}, as_json)


@group.command(name="reset-mfa")
@click.argument("email")
@click.option("--show-totp", is_flag=True, help="Make a new one at once and print its secret, this once.")
@json_option
def reset_mfa(email: str, show_totp: bool, as_json: bool) -> None:
    """Take the second factor of the account EMAIL away; the next sign-in sets up a new one."""
    from victim_gateway.queries.accounts.account_list import account_by_email
    from victim_gateway.services.accounts import administration

    actor, secret = Actor.worker(COMMAND), None
    with gateway_app():
        found = account_by_email(email, actor=actor)
        if show_totp:
            secret = administration.give_second_factor(Command(actor, times.now()), found.id)
        else:
            administration.reset_second_factor(Command(actor, times.now()), found.id)
    fields = {"email": found.email, "second_factor": "set" if secret else "none"}
    _tell(fields | ({"totp_secret": secret} if secret else {}), as_json)


def _tell(fields: dict[str, str], as_json: bool) -> None:
    if as_json:
        emit_json(fields)
    else:
        emit_fields(fields)


def _row(account: AccountView) -> dict[str, Any]:
    return {
        "email": account.email,
        "name": account.name,
        "role": account.role.value,
        "organisation": account.organisation_key,
        "state": "disabled" if account.disabled_at else "active",
        "second_factor": "set" if account.second_factor_at else "none",
        "created_at": account.created_at.isoformat(),
        "last_seen_at": account.last_seen_at.isoformat() if account.last_seen_at else None,
    }


def _password_from_stdin() -> str:
    """The first line of standard input without its line end."""
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise InvalidInput("no password came on standard input")
    return line
