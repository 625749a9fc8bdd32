"""The task that finds again, every minute, what a lost message or a dead worker left behind."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.imports import uploads
from victim_gateway.services.messages import sending
from victim_gateway.services.operations import outbox
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SWEEP_OUTBOX)  # type: ignore[untyped-decorator]
def sweep_outbox() -> None:
    """Publish what was not published; wake workers for e-mails and files that nobody is working on."""
    actor, at = Actor.worker("outbox"), times.now()
    outbox.sweep_outbox(actor=actor, at=at)
    sending.wake_senders(actor=actor, at=at)
    uploads.requeue_abandoned_batches(actor=actor, at=at)
