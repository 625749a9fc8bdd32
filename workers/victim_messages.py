"""The tasks that send messages to people and recover what was lost, every minute."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.shared.command import Command
from victim_gateway.services.victim_messages import appointment_reminders, sending
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SEND_VICTIM_MESSAGE)  # type: ignore[untyped-decorator]
def send_victim_messages() -> None:
    """Send everything to people that is due; several workers share it out among themselves."""
    sending.send_due_victim_messages(actor=Actor.worker("messages to people"), at=times.now())


@celery.task(name=TaskName.SWEEP_VICTIM_MESSAGES)  # type: ignore[untyped-decorator]
def sweep_victim_messages() -> None:
    """Expire what is past, and wake a sender where something is due or was left open."""
    actor, at = Actor.worker("messages to people"), times.now()
    appointment_reminders.remind_of_appointments(Command(actor, at))
    sending.sweep_victim_messages(actor=actor, at=at)
