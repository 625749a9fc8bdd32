"""The task that turns what is due into reminders, every minute."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services import reminders
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SWEEP_REMINDERS)  # type: ignore[untyped-decorator]
def sweep_reminders() -> None:
    """One pass."""
    reminders.run(actor=Actor.worker("reminders"), at=times.now())
