"""Remind members of staff and providers of what is due."""

from __future__ import annotations

from datetime import datetime

import click

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.cli._context import gateway_app
from victim_gateway.cli._output import emit_fields, emit_json, json_option, print_diagnostic, progress_bar
from victim_gateway.services.shared.command import Command


class _Moment(click.ParamType[datetime]):
    name = "datetime"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return times.parse_moment(value)
        except ValueError:
            self.fail(f"{value!r} is not a date or time, like 2026-03-10 or 2026-03-10T09:00", param, ctx)


@click.group(help=__doc__)
def group() -> None:
    pass


@group.command()
@click.option("--at", type=_Moment(), help="The moment to run for; now unless given. London time.")
@json_option
def run(at: datetime | None, as_json: bool) -> None:
    """One pass of what the scheduler does every minute."""
    moment = at or times.now()
    with gateway_app() as app, progress_bar("Looking for what is due"):
        from victim_gateway.services import onward_referrals
        from victim_gateway.services.messages import sending
        from victim_gateway.services.reminders import reminder_pass

        actor = Actor.worker("gateway reminders")
        made = reminder_pass.run_reminder_pass(actor=actor, at=moment)
        expired = onward_referrals.expire_unanswered_offers(Command(actor, moment))
        sending.wake_senders(actor=actor, at=moment)
        sent = sending.send_due_messages(actor=actor, at=moment)
        has_mail_server = app.extensions["settings"].smtp_url is not None
    document = {
        "at": moment.isoformat(),
        **made.to_document(),
        "offers_expired": expired,
        **sent.to_document(),
    }
    if as_json:
        emit_json(document)
        return
    emit_fields(document)
    if not has_mail_server:
        print_diagnostic("No mail server is set (SMTP_URL): reminders are shown in the service only.")
