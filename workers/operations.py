"""The task that recovers, every minute, work of lost messages and dead workers."""

from __future__ import annotations

from flask import current_app

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services import onward_referrals
from victim_gateway.services.imports import uploads
from victim_gateway.services.messages import digests, sending
from victim_gateway.services.onward_referrals import succession_batches
from victim_gateway.services.operations import outbox, parked_messages
from victim_gateway.services.referrals import attachment_checks
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SWEEP_OUTBOX)  # type: ignore[untyped-decorator]
def sweep_outbox() -> None:
    """Publish missed tasks, store what is no task, ask for due digests, wake workers for what none has claimed."""
    actor, at = Actor.worker("outbox"), times.now()
    outbox.sweep_outbox(actor=actor, at=at)
    parked_messages.store_parked_messages(current_app.extensions["settings"], actor=actor, at=at)
    digests.queue_due_digests(actor=actor, at=at)
    sending.wake_senders(actor=actor, at=at)
    uploads.requeue_abandoned_batches(actor=actor, at=at)
    succession_batches.wake_successions(actor=actor, at=at)
    attachment_checks.wake_attachment_checks(actor=actor, at=at)
    onward_referrals.wake_shared_copies(actor=actor, at=at)
    attachment_checks.ask_about_waiting_files(actor=actor, at=at)
