"""The watching page: what waits, failed or was kept back, when programs were last heard of, and parked e-mails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.blueprints.operations.forms import ConfirmDiscardForm
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.operations.delivery_watch import (
    open_alarms,
    parked_emails,
    process_beats,
    watch_counts,
)
from victim_gateway.services.operations.alarms import ALARM_TEXTS
from victim_gateway.services.operations.parked_emails import give_up_parked_email, retry_parked_email
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ProcessPart
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import may_use, requires

bp = Blueprint("delivery", __name__, url_prefix="/system/delivery", template_folder="templates")

COUNT_LABELS = {
    "late": "E-mails that are late",
    "due": "E-mails due now",
    "waiting": "E-mails that wait for their time",
    "sending": "E-mails being sent now",
    "parked": "E-mails that wait for a person",
    "failed": "E-mails that were given up",
    "expired": "E-mails whose time had passed, last 7 days",
    "refused": "E-mails kept back, last 7 days",
    "tasks": "Tasks to be passed on",
    "tasks_parked": "Tasks that could not be passed on",
    "queue_items": "Parked queue items",
    "unseen_reminders": "Reminders nobody has seen",
    "people_due": "Messages to people due now",
    "people_waiting": "Messages to people that wait for their time",
    "people_sending": "Messages to people being sent now",
    "people_parked": "Messages to people that wait for a caseworker",
    "people_failed": "Messages to people that failed, last 7 days",
    "people_expired": "Messages to people whose time had passed, last 7 days",
    "people_refused": "Messages to people that the gate let not leave, last 7 days",
}
PART_LABELS = {ProcessPart.WORKER: "Worker", ProcessPart.SCHEDULER: "Scheduler"}


@bp.get("")
@requires(Permission.VIEW_DELIVERY)
def home() -> ResponseReturnValue:
    """Show the counts, the signs of life and the open alarms; nothing of a case."""
    return _page(ConfirmDiscardForm())


@bp.post("/<uuid:message_id>/retry")
@requires(Permission.VIEW_SYSTEM)
def retry(message_id: UUID) -> ResponseReturnValue:
    """Try a parked e-mail again."""
    return _settle(message_id, retry_parked_email, "The e-mail is tried again")


@bp.post("/<uuid:message_id>/give-up")
@requires(Permission.VIEW_SYSTEM)
def give_up(message_id: UUID) -> ResponseReturnValue:
    """Give a parked e-mail up."""
    done = "The e-mail is given up. There is a task to tell its reader in another way"
    return _settle(message_id, give_up_parked_email, done)


def _settle(message_id: UUID, step: Callable[[Command, UUID], None], done: str) -> ResponseReturnValue:
    form, after = ConfirmDiscardForm(), url_for("delivery.home")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            step(form.command(), message_id)
            flash_success(done)
            return redirect(after)
    return _page(form)


def _page(form: ConfirmDiscardForm) -> ResponseReturnValue:
    at, settings = times.now(), current_app.extensions["settings"]
    with transaction(Actor.worker("delivery watch")) as session:
        counts = watch_counts(session, at, timedelta(seconds=settings.alarm_after_s))
        beats = process_beats(session)
        alarms = [(ALARM_TEXTS[alarm.cause][0], alarm.began_at) for alarm in open_alarms(session)]
        parked = parked_emails(session)
        heard = [(PART_LABELS[part], beats.get(part)) for part in ProcessPart]
        session.expunge_all()
    has_mail = settings.smtp_url is not None
    has_address = settings.operations_email is not None
    return render_form(
        "operations/delivery.html",
        form,
        counts=counts,
        beats=heard,
        alarms=alarms,
        parked=parked,
        labels=COUNT_LABELS,
        may_settle=may_use(Permission.VIEW_SYSTEM),
        has_mail=has_mail,
        has_address=has_address,
    )
