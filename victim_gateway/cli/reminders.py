"""Remind members of staff and providers of what is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing and send nothing.")
@click.option("--at", type=_Moment(), help="With --dry-run: the moment to look at, in London time.")
@json_option
def run(dry_run: bool, at: datetime | None, as_json: bool) -> None:
    """One pass of what the scheduler does every minute.

    A pass at another moment would store that moment's reminders and send them: it is only looked at.
    """
    if at is not None and not dry_run:
        raise click.UsageError(
            "--at goes only with --dry-run: reminders are made and sent at the present moment."
        )
    actor = Actor.worker("gateway reminders")
    with gateway_app() as app, progress_bar("Looking for what is due"):
        document = _preview(actor, at or times.now()) if dry_run else _run(actor, times.now())
        has_mail_server = app.extensions["settings"].smtp_url is not None
    if as_json:
        emit_json(document)
    else:
        emit_fields(_as_lines(document))
    if dry_run:
        print_diagnostic("A trial: nothing was changed and nothing was sent.")
    elif not as_json and not has_mail_server:
        print_diagnostic("No mail server is set (SMTP_URL): reminders are shown in the service only.")


def _as_lines(document: dict[str, Any]) -> dict[str, Any]:
    """One line for each rule that would make something."""
    by_rule = document.pop("by_rule", {})
    return document | {f"by rule {code}": number for code, number in by_rule.items() if number}


def _run(actor: Actor, at: datetime) -> dict[str, Any]:
    from victim_gateway.services import onward_referrals
    from victim_gateway.services.messages import digests, sending
    from victim_gateway.services.reminders import reminder_pass

    made = reminder_pass.run_reminder_pass(actor=actor, at=at)
    expired = onward_referrals.expire_unanswered_offers(Command(actor, at))
    asked = digests.queue_due_digests(actor=actor, at=at)
    sending.wake_senders(actor=actor, at=at)
    sent = sending.send_due_messages(actor=actor, at=at)
    return {
        "at": at.isoformat(),
        **made.to_document(),
        "offers_expired": expired,
        "digests": asked,
        **sent.to_document(),
    }


def _preview(actor: Actor, at: datetime) -> dict[str, Any]:
    """What `_run` would do, in the same words, except that nobody can say which e-mails would arrive."""
    from victim_gateway.services import onward_referrals
    from victim_gateway.services.reminders import reminder_pass

    preview = reminder_pass.preview_reminder_pass(actor=actor, at=at)
    return {
        "at": at.isoformat(),
        "dry_run": True,
        **preview.summary.to_document(),
        "offers_expired": len(onward_referrals.list_offers_to_expire(Command(actor, at))),
        "messages_to_send": preview.messages_to_send,
        "by_rule": preview.by_rule,
    }
